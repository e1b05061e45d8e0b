# SPDX-License-Identifier: Apache-2.0
"""Servers outside of the mesh that speak TLS, and a node that is their client."""

import json

from harness.authority import Authority
from harness.mesh import PORT, SERVICE
from harness.process import wait_until
from harness.registry import backend, service
from harness.servers import Nginx, Server

NAME = "api.example.test"

TLS_NGINX = """
    server {{
        listen {address}:{port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        ssl_protocols {versions};
        {options}
        location / {{ return 200 "{name} $ssl_protocol $ssl_server_name $ssl_client_verify $ssl_session_reused $ssl_alpn_protocol\\n"; }}
    }}
"""

TLS_HAPROXY = """
global
    maxconn 100
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen outside
    bind {address}:{port} ssl crt {bundle}
    server echo {target}
"""


class TlsHaproxy(Server):
    """Ends TLS before a server that speaks plain TCP."""

    def __init__(self, directory, target, bundle, **keys):
        super().__init__(directory, **keys)
        configuration = self.directory / "haproxy.cfg"
        configuration.write_text(TLS_HAPROXY.format(address=self.address, port=self.port, bundle=bundle, target=f"{target.address}:{target.port}"))
        self.start("haproxy", "-db", "-f", configuration)


class ReversingServer(Server):
    """Answers each line with the same from its end, by openssl."""

    def __init__(self, directory, certificate, key, *options, **keys):
        super().__init__(directory, **keys)
        self.start("openssl", "s_server", "-accept", f"{self.address}:{self.port}", "-cert", certificate, "-key", key, "-quiet", "-rev", *options)


class Outside:
    """The second host of a mesh as one of another company, without an agent. The first one's agent is the client, with credentials by
    the name `outside`, whose files a test may replace."""

    def __init__(self, mesh):
        self.client, self.host = mesh.hosts
        self.authority = Authority(self.host.place.root / "outside", "outside")
        self.believed = self.client.tls / "outside.pem"
        self.made = 0
        self.believe(self.authority)

    # ---- The other company ----

    def certificate(self, names=f"DNS:{NAME}", authority=None, usage="serverAuth", **keys):
        self.made += 1
        return (authority or self.authority).issue(f"outside{self.made}", names=names, usage=usage, at=self.host.tls, **keys)

    def nginx(self, name="outside", certificate=None, options="", versions="TLSv1.2 TLSv1.3", host=None):
        made, key = certificate or self.certificate()
        return (host or self.host).nginx(Nginx, lambda server: TLS_NGINX.format(
            address=server.address, port=server.port, certificate=made, key=key, options=options, versions=versions, name=name))

    def haproxy(self, target):
        made, key = self.certificate()
        bundle = self.host.tls / "outside.bundle"
        bundle.write_text(made.read_text() + key.read_text())
        return self.host.nginx(TlsHaproxy, target, bundle)

    def openssl(self, *options):
        return self.host.nginx(ReversingServer, *self.certificate(), *options)

    # ---- The node ----

    def believe(self, authority, also=""):
        beside = self.client.tls / "outside.new"
        beside.write_text(also + authority.certificate.read_text())
        beside.replace(self.believed)

    def settings(self, **more):
        section = {"credentials": [{"name": "outside", "authorities": str(self.believed)} | more]}
        return f"origination: {json.dumps(section)}\n"

    def start(self, tls=False, extra="", **more):
        """`tls`: with certificates of the mesh as well. `more`: of the credentials."""
        self.client.start(extra=self.settings(**more) + extra, **({} if tls else {"tls": False}))
        return self

    def publish(self, *services):
        self.client.place.registry.write(*services)
        self.client.agent.wait_applied(*services)

    def credentials(self):
        """How they stand, as meshctl tells it."""
        return json.loads(self.client.agent.meshctl("certificate", "list", "-o", "json", check=False).stdout)["certificates"][0]

    def result(self, name):
        return self.client.figure("meshd_tls_handshakes_total", direction="outbound", result=name)

    def answer(self, address=SERVICE):
        return self.client.curl(address=address).stdout.split()

    def refused(self, reason, address=SERVICE):
        """The application's connection is reset, and the reason is counted."""
        before = self.result(reason)
        failed = self.client.curl(address=address, check=False)
        assert failed.returncode != 0 and not failed.stdout, failed.stdout
        wait_until(lambda: self.result(reason) > before, lambda: f"{reason}:\n{self.client.agent.output()[-3000:]}")


def originated(*servers, name="api", address=SERVICE, server_name=NAME, credentials="outside", **keys):
    tls = {"mode": "originate", "credentials": credentials, "server_name": server_name} | keys
    return service(name, [address], PORT, [backend(one.address, one.port) for one in servers], tls={key: one for key, one in tls.items() if one})
