# SPDX-License-Identifier: Apache-2.0
"""The authority that meshctl ca makes, and openssl's word about what it issues."""

import json
import pathlib

from harness.place import build_directory
from harness.process import run


def meshctl(*arguments, check=True):
    """meshctl without an agent."""
    return run(build_directory() / "meshctl", *arguments, check=check, timeout=60)


class BuiltInAuthority:
    def __init__(self, directory, trust_domain="example.org", *options):
        self.directory = pathlib.Path(directory)
        self.out = self.directory.parent / "out"
        self.out.mkdir()
        meshctl("ca", "init", self.directory, "--trust-domain", trust_domain, *options)

    @property
    def authorities(self):
        return self.directory / "authorities.pem"

    @property
    def revoked(self):
        return self.directory / "revoked.pem"

    def path(self, name):
        return self.out / name

    def issue(self, identity, name, *options):
        """NAME.pem and NAME.key."""
        certificate, key = self.path(f"{name}.pem"), self.path(f"{name}.key")
        meshctl("ca", "issue", self.directory, identity, "--out", certificate, "--key-out", key, *options)
        return certificate, key

    def show(self):
        return json.loads(meshctl("ca", "show", self.directory, "-o", "json").stdout)

    def verify(self, certificate, purpose="sslclient", revocations=True):
        """What openssl says: "OK", or the error."""
        lists = ["-crl_check_all", "-CRLfile", self.revoked] if revocations else []
        answer = run("openssl", "verify", "-x509_strict", "-CAfile", self.authorities, "-untrusted", certificate, "-purpose", purpose, *lists,
                     certificate, check=False)
        return "OK" if answer.returncode == 0 else answer.stdout + answer.stderr
