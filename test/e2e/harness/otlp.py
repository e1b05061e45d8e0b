# SPDX-License-Identifier: Apache-2.0
"""A collector of OpenTelemetry for logs by OTLP/HTTP with JSON, which can misbehave."""

import gzip
import http.server
import json
import pathlib
import ssl
import subprocess
import threading

from harness.process import run

# Where scripts/install-dependencies.sh puts OpenTelemetry's own definitions of the protocol.
DEFINITIONS = pathlib.Path("/usr/local/lib/meshd-test")


class Collector:
    """Takes requests in order. `plan` has what to do with the next ones: functions of the handler; when it is empty they are taken."""

    def __init__(self, tls=None):
        self.bodies, self.problems, self.plan, self.heads = [], [], [], []
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                collector.take(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def take(self, handler):
        packed = handler.rfile.read(int(handler.headers["Content-Length"]))
        self.heads.append(dict(handler.headers))
        for name, value in (("Content-Type", "application/json"), ("Content-Encoding", "gzip")):
            if handler.headers[name] != value:
                self.problems.append(f"{name}: {handler.headers[name]}")
        if handler.path != "/v1/logs":
            self.problems.append(handler.path)
        body = json.loads(gzip.decompress(packed))
        act = self.plan.pop(0) if self.plan else accept
        if act(handler):
            self.bodies.append(body)

    def records(self):
        """Of all requests that were taken, each with its attributes as a mapping."""
        return [record | {"attributes": attributes(record["attributes"])} for body in list(self.bodies)
                for resource in body["resourceLogs"] for scope in resource["scopeLogs"] for record in scope["logRecords"]]

    def resource(self):
        return attributes(self.bodies[0]["resourceLogs"][0]["resource"]["attributes"])

    def check_against_definitions(self):
        """Returns how many requests are as OpenTelemetry defines them; an assertion tells of one that is not."""
        script = pathlib.Path(__file__).with_name("otlp_schema.js")
        return int(run("node", script, DEFINITIONS, input="\n".join(map(json.dumps, self.bodies))).stdout)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def attributes(pairs):
    return {pair["key"]: next(iter(pair["value"].values())) for pair in pairs}


def answer(status, body=b"{}", **headers):
    """Something for a plan."""
    def act(handler):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), str(value))
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
        return status == 200
    return act


accept = answer(200)


def hang_up(handler):
    """Without an answer."""
    handler.close_connection = True


def talk_garbage(handler):
    handler.wfile.write(b"\x00\xff this is no HTTP \r\n\r\n" * 10)
    handler.close_connection = True


def partial(rejected):
    return answer(200, json.dumps({"partialSuccess": {"rejectedLogRecords": str(rejected), "errorMessage": "too old"}}).encode())


def make_certificates(directory, name):
    """A certificate authority and a certificate of it for 127.0.0.1: (authority, certificate, key), readable for everybody."""
    authority, certificate, key = (directory / f"{name}-{part}.pem" for part in ("ca", "cert", "key"))
    authority_key = directory / f"{name}-ca-key.pem"
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", authority_key, "-out", authority,
            "-addext", "keyUsage=critical,keyCertSign")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=collector", "-keyout", key, "-out", directory / "request.pem")
    extensions = directory / "extensions"
    extensions.write_text("subjectAltName=IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", directory / "request.pem", "-CA", authority, "-CAkey", authority_key, "-CAcreateserial", "-days", "2",
            "-extfile", extensions, "-out", certificate)
    authority.chmod(0o644)
    return authority, certificate, key


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
