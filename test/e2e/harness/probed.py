# SPDX-License-Identifier: Apache-2.0
"""Servers that answer a probe in one particular way, and certificates for them."""

import contextlib
import socket
import ssl
import struct
import threading

from harness.process import patient, run


def reset(connection):
    """Ends a connection with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Scripted:
    """Calls `script(connection)` for each connection, in a thread of its own; what it raises ends only that connection."""

    def __init__(self, script, address="127.0.0.1", port=0, context=None):
        self.script, self.context = script, context
        self.stopped = threading.Event()
        self.taken = 0  # connections
        self._listener = socket.create_server((address, port), backlog=256)
        self.address, self.port = self._listener.getsockname()[:2]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.taken += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError), connection:
            connection.settimeout(patient(10))
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            self.script(connection)

    def close(self):
        self.stopped.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def request(connection):
    """Reads the head of an HTTP/1.1 request."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(4096)
        if not more:
            break
        data += more
    return data.decode()


def answer(status, body=b"", head=b""):
    """A script: one whole answer of HTTP/1.1."""
    def script(connection):
        request(connection)
        connection.sendall(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n%s\r\n" % (status, len(body), head) + body)
    return script


def raw(data, end=None):
    """A script: these bytes for whatever was asked, then a close, or `end(connection)`."""
    def script(connection):
        connection.recv(4096)
        connection.sendall(data)
        if end:
            end(connection)
    return script


def wait_for_close(connection):
    while connection.recv(4096):
        pass


class Authority:
    """A certificate authority in files, made with openssl."""

    def __init__(self, directory):
        self.directory = directory
        directory.mkdir()
        directory.chmod(0o755)
        self.certificate = directory / "ca.pem"
        (directory / "index").touch()
        (directory / "serial").write_text("1000\n")
        (directory / "ca.cnf").write_text(
            f"[ca]\ndefault_ca=x\n[x]\ndatabase={directory}/index\nserial={directory}/serial\nnew_certs_dir={directory}\n"
            f"default_md=sha256\npolicy=any\ncopy_extensions=copy\nunique_subject=no\n[any]\ncommonName=supplied\n")
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={directory.name}", "-keyout", directory / "ca.key",
            "-out", self.certificate, "-days", "30")
        self.certificate.chmod(0o644)

    def issue(self, name, alternative, begin="20240101000000Z", end="20490101000000Z"):
        """Paths of a certificate for the subjectAltName `alternative`, and of its key."""
        key, wish, certificate = (self.directory / f"{name}.{kind}" for kind in ("key", "csr", "pem"))
        run("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-addext", f"subjectAltName={alternative}", "-keyout",
            key, "-out", wish)
        run("openssl", "ca", "-batch", "-config", self.directory / "ca.cnf", "-cert", self.certificate, "-keyfile", self.directory / "ca.key",
            "-in", wish, "-out", certificate, "-startdate", begin, "-enddate", end, "-notext")
        return certificate, key

    def context(self, *issued, protocols=("http/1.1",), **keys):
        """What a server with that certificate needs."""
        certificate, key = self.issue(*issued, **keys)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        context.set_alpn_protocols(list(protocols))
        return context
