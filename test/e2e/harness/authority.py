# SPDX-License-Identifier: Apache-2.0
"""A certificate authority by openssl, and the certificates of a mesh."""

import pathlib
import shutil

from harness.process import run

TRUST_DOMAIN = "mesh.test"
LEAF = """
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = {usage}
subjectAltName = {names}
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""
CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")


class Authority:
    def __init__(self, directory, name="root"):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(exist_ok=True)
        self.directory.chmod(0o755)
        self.certificate, self.key = self.directory / f"{name}.pem", self.directory / f"{name}.key"
        run("openssl", "req", "-x509", *CURVE, "-nodes", "-keyout", self.key, "-out", self.certificate, "-days", 30, "-subj", f"/CN={name}",
            "-addext", "basicConstraints=critical,CA:true", "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def issue(self, name, identity=None, days=30, owner=None, usage="clientAuth, serverAuth", names=None, key=CURVE, at=None):
        """NAME.pem and NAME.key in `at`, or beside the authority. `days` below zero: expired. `owner`: who may read the key."""
        directory = pathlib.Path(at or self.directory)
        made, secret = directory / f"{name}.pem", directory / f"{name}.key"
        request, extensions, new = (directory / f"{name}.{part}" for part in ("csr", "ext", "new"))
        run("openssl", "req", *key, "-nodes", "-keyout", f"{new}.key", "-out", request, "-subj", f"/CN={name.replace('/', ' ')}")
        names = names or f"URI:spiffe://{TRUST_DOMAIN}/{identity or name}"
        extensions.write_text(LEAF.format(usage=usage, names=names))
        run("openssl", "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial", "-days", days,
            "-extfile", extensions, "-out", new)
        pathlib.Path(f"{new}.key").chmod(0o600)
        if owner:
            shutil.chown(f"{new}.key", owner)
        pathlib.Path(f"{new}.key").replace(secret)
        new.replace(made)
        for left in (request, extensions):
            left.unlink()
        return made, secret
