# SPDX-License-Identifier: Apache-2.0
"""Hosts whose certificates renew themselves: one signs with the built-in authority, the others ask it."""

import contextlib
import json
import os
import pwd

from harness.authority import TRUST_DOMAIN
from harness.built_in_authority import BuiltInAuthority, meshctl
from harness.mesh import USER, Mesh
from harness.process import run, wait_until

SIGNING = 15009


class Site:
    """The first host signs; all ask it, and none has a certificate's file."""

    def __init__(self, mesh, ttl="1h", refresh="1s", allow=()):
        self.mesh, self.refresh = mesh, refresh
        self.signer = mesh.hosts[0]
        self.ca = BuiltInAuthority(self.signer.place.root / "ca", TRUST_DOMAIN)
        run("chown", "-R", f"{USER}:", self.ca.directory)
        self.signing = {"authority": str(self.ca.directory), "ttl": ttl, "allow": list(allow)}
        for host in mesh.hosts:
            (host.tls / "pinned.pem").write_text(self.ca.authorities.read_text())

    def issued(self, host, name="node"):
        return host.place.root / "state/tls" / f"{name}.pem"

    def token(self, host, identity=None):
        answer = meshctl("ca", "token", self.ca.directory, identity or f"node/{host.name}", "-o", "json")
        self.write_token(host, json.loads(answer.stdout)["token"])

    @staticmethod
    def write_token(host, text):
        file = host.tls / "token"
        file.write_text(text)
        os.chown(file, pwd.getpwnam(USER).pw_uid, -1)
        file.chmod(0o600)

    def settings(self, host, extra="", **tls):
        issuer = {"address": f"{self.signer.address}:{SIGNING}", "token_file": str(host.tls / "token"), "refresh": self.refresh}
        section = {"trust_domain": TRUST_DOMAIN, "authorities": str(host.tls / "pinned.pem"), "issuer": issuer}
        if host is self.signer:
            section["signing"] = self.signing
        (host.place.root / "meshd.yaml").write_text(f"log: {{level: debug}}\ntls: {json.dumps(section | tls)}\n{extra}")

    def start(self, host, has_token=True, **tls):
        if has_token:
            self.token(host)
        host.settings = lambda *_, **__: (self.settings(host, **tls), host.place.root / "meshd.yaml")[1]
        return host.start()

    def start_all(self):
        for host in self.mesh.hosts:
            self.start(host)
        for host in self.mesh.hosts:
            self.wait_for(host, "ok")
        return self.mesh.hosts

    @staticmethod
    def row(host, name=""):
        rows = json.loads(host.agent.meshctl("certificate", "list", "-o", "json", check=False).stdout)["certificates"]
        return next((one for one in rows if one["whose"] != "signing" and one["name"] == name), {"state": None, "problem": ""})

    def wait_for(self, host, state, name="", problem=""):
        def is_so():
            row = self.row(host, name)
            return row["state"] == state and problem in row["problem"]
        wait_until(is_so, lambda: f"{state} {problem}: {self.row(host, name)}\n{host.agent.output()}\n{self.signer.agent.output()}", timeout=60)

    def rotate(self):
        """From the beginning to where nothing is left of the old root."""
        def all_believe():
            for host in self.mesh.hosts:
                file = host.place.root / "state/tls/authorities.pem"
                wait_until(lambda file=file: file.read_text() == self.ca.authorities.read_text(), host.agent.output, timeout=30)
        meshctl("ca", "rotate", self.ca.directory)
        all_believe()
        meshctl("ca", "rotate", self.ca.directory, "--switch")
        wait_until(lambda: meshctl("ca", "rotate", self.ca.directory, "--finish", check=False).returncode == 0,
                   lambda: json.dumps(self.ca.show(), indent=1), timeout=60, interval=0.5)
        all_believe()


@contextlib.contextmanager
def site(count=2, **keys):
    mesh = Mesh(count)
    try:
        yield Site(mesh, **keys)
    finally:
        mesh.close()
