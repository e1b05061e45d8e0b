# SPDX-License-Identifier: Apache-2.0
"""Listeners for clients from outside on the first host of a mesh, and clients on the second, which has no agent."""

import json
import socket
import ssl
import threading

from harness.mesh import PORT, SERVICE, SERVICE6
from harness.process import patient, run, wait_until
from harness.registry import backend, service
from harness.servers import Nginx

NGINX_PROXIED = """
    server {{
        listen {address}:{port} proxy_protocol;
        location / {{ return 200 "$proxy_protocol_addr $proxy_protocol_server_port\\n"; }}
    }}
"""

NGINX_TLS = """
    server {{
        listen {address}:{port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        location / {{ return 200 "inside\\n"; }}
    }}
"""


class NginxProxied(Nginx):
    """Answers with the address of the client and the port it asked for, as the PROXY header has them."""

    def __init__(self, directory, **keys):
        super().__init__(directory, lambda server: NGINX_PROXIED.format(address=server.address, port=server.port), **keys)


class NginxTls(Nginx):
    def __init__(self, directory, certificate, key, **keys):
        super().__init__(directory, lambda server: NGINX_TLS.format(address=server.address, port=server.port, certificate=certificate,
                                                                    key=key), **keys)


def web(*servers, name="web", address=(SERVICE, SERVICE6), **keys):
    return service(name, list(address), PORT, [backend(one.address, one.port) for one in servers], **keys)


def route(*names, to="web", **keys):
    return {"names": list(names), "service": to} | keys


def read_all(connection):
    got = b""
    while part := connection.recv(65536):
        got += part
    return got


class Edge:
    """What the first host of a mesh has for clients, and they for it."""

    def __init__(self, mesh):
        self.mesh, self.authority = mesh, mesh.authority
        self.host, self.outside = mesh.hosts
        self.listeners = []
        self.acme = None  # edge.acme

    def certify(self, name, *names, **keys):
        """NAME.pem and NAME.key for hosts of these names; as the configuration has them."""
        made, secret = self.host.certify(self.authority, name, names=",".join(f"DNS:{one}" for one in names), usage="serverAuth", **keys)
        return {"certificate": str(made), "key": str(secret)}

    def listener(self, *routes, name="public", port=443, **keys):
        self.listeners.append({"name": name, "listen": f"[::]:{port}", "routes": list(routes)} | keys)
        return self

    def text(self):
        return f"edge: {json.dumps({'listeners': self.listeners} | ({'acme': self.acme} if self.acme else {}))}\n"

    def start(self, *services, tls=True):
        if tls:
            self.host.start(extra=self.text())
            self.mesh.publish(*services)
        else:
            self.host.start(extra=self.text(), tls=False)
            self.host.place.registry.write(*services)
            self.host.agent.wait_applied(*services)
        self.wait_open()
        return self

    def reload(self):
        self.host.settings(self.text())
        self.host.agent.reload()
        self.wait_open()

    def shown(self):
        return {one["name"]: one for one in self.host.agent.api.get("/v1/edge")["listeners"]}

    def wait_open(self):
        """All listeners, and the worker knows them."""
        wanted = {one["name"]: len(one["routes"]) for one in self.listeners}
        wait_until(lambda: {name: len(one["routes"]) for name, one in self.shown().items() if one["state"] == "open"} == wanted, self.shown)

    # ---- Clients ----

    def curl(self, name="shop.test", path="/", port=443, options=(), check=True, address=None, scheme="https", authority=None):
        return run("curl", "-sS", "--noproxy", "*", "--max-time", str(patient(10)), "--cacert", authority or self.authority.certificate,
                   "--resolve", f"{name}:{port}:{address or self.host.address}", *options, f"{scheme}://{name}:{port}{path}",
                   check=check, preexec_fn=self.outside.netns.enter)

    def s_client(self, *options, name="shop.test", port=443, check=False):
        """What openssl says of a handshake, and of nothing after it."""
        names = ("-servername", name) if name else ("-noservername",)
        done = run("openssl", "s_client", "-connect", f"{self.host.address}:{port}", *names, "-CAfile", self.authority.certificate, *options,
                   input="", check=check, preexec_fn=self.outside.netns.enter)
        return done.stdout + done.stderr

    def serial(self):
        """Of the certificate that is shown."""
        text = self.s_client("-showcerts")
        return run("openssl", "x509", "-noout", "-serial", input=text[text.index("-----BEGIN"):]).stdout

    def connect(self, port=443):
        with self.outside.netns.entered():
            made = socket.socket()
        made.settimeout(patient(10))
        made.connect((self.host.address, port))
        return made

    def connect_tls(self, name="shop.test", port=443, authority=None, **keys):
        context = ssl.create_default_context(cafile=str(authority or self.authority.certificate))
        if "alpn" in keys:
            context.set_alpn_protocols(keys["alpn"])
        return context.wrap_socket(self.connect(port), server_hostname=name, suppress_ragged_eofs=False)

    def refused(self, reason):
        return self.host.figure("meshd_edge_refused_total", reason=reason)

    def handshakes(self, result):
        return self.host.figure("meshd_tls_handshakes_total", direction="edge", result=result)


class Recorder:
    """A server that keeps what each connection said, up to `size` bytes or its end."""

    def __init__(self, host, size):
        self.size, self.heard = size, []
        with host.entered():
            self.listener = socket.create_server((host.address, 0))
        self.address, self.port = self.listener.getsockname()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                got = b""
                while len(got) < self.size and (part := connection.recv(self.size - len(got))):
                    got += part
                self.heard.append(got)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self._thread.join(5)
