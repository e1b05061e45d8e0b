# SPDX-License-Identifier: Apache-2.0
"""pebble, Let's Encrypt's authority for tests, on the second host of a mesh: it asks for names at the first."""

import ctypes
import json
import os
import shutil

import pytest

from harness.process import Process, run, wait_until

PORT, MANAGEMENT, NAMES = 14000, 15000, 8053
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"  # whom uacme believes
CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 4096, 16384, 1 << 18
_libc = ctypes.CDLL(None, use_errno=True)

needed = pytest.mark.skipif(not all(map(shutil.which, ("pebble", "pebble-challtestsrv", "uacme"))),
                            reason="no pebble or no uacme: packages of Debian that not every distribution has")


def _checked(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), "arrange mounts")


def believing(enter, authority):
    """Moves a process as `enter` does; it takes `authority` for the only one that there is."""
    def enter_and_believe():
        enter()
        _checked(_libc.unshare(CLONE_NEWNS))
        _checked(_libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None))
        _checked(_libc.mount(str(authority).encode(), BUNDLE.encode(), None, MS_BIND, None))
    return enter_and_believe


class Pebble:
    def __init__(self, edge, validity=3600, rejected_nonces=0):
        self.edge, self.host = edge, edge.outside
        self.directory = self.host.place.root / "pebble"
        self.directory.mkdir()
        self.url = f"https://{self.host.address}:{PORT}/dir"
        certificate, key = edge.authority.issue("pebble", at=self.directory, names=f"IP:{self.host.address}")
        self.config = self.directory / "pebble.json"
        self.config.write_text(json.dumps({"pebble": {
            "listenAddress": f"{self.host.address}:{PORT}", "managementListenAddress": f"{self.host.address}:{MANAGEMENT}",
            "certificate": str(certificate), "privateKey": str(key), "httpPort": 80, "tlsPort": 443,
            "externalAccountBindingRequired": False, "certificateValidityPeriod": validity}}))
        self.environment = os.environ | {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_AUTHZREUSE": "0", "PEBBLE_WFE_NONCEREJECT": str(rejected_nonces)}
        edge.host.enter = believing(edge.host.enter, edge.authority.certificate)
        self.names = self.host.keep(Process(
            ["pebble-challtestsrv", "-dns01", f"{self.host.address}:{NAMES}", "-management", f"{self.host.address}:8055",
             "-defaultIPv4", edge.host.address, "-defaultIPv6", "", "-http01", "", "-https01", "", "-tlsalpn01", ""],
            self.directory / "names.log", self.host.netns.enter))
        self.process = None
        self.start()

    def start(self):
        self.process = self.host.keep(Process(["pebble", "-config", self.config, "-dnsserver", f"{self.host.address}:{NAMES}"],
                                              self.directory / "pebble.log", self.host.netns.enter, env=self.environment))
        wait_until(lambda: self.curl("roots/0", check=False).returncode == 0, self.process.output)

    def curl(self, path, check=True):
        return run("curl", "-sSf", "--noproxy", "*", "--cacert", self.edge.authority.certificate,
                   f"https://{self.host.address}:{MANAGEMENT}/{path}", check=check, preexec_fn=self.host.netns.enter)

    def root(self):
        """File of the certificate that leads to all that it issues."""
        file = self.directory / "root.pem"
        file.write_text(self.curl("roots/0").stdout)
        return file

    def lead_astray(self, name):
        """What asks for this name reaches a host where nobody listens."""
        run("curl", "-sSf", "--noproxy", "*", "-d", json.dumps({"host": f"{name}.", "addresses": [self.host.address]}),
            f"http://{self.host.address}:8055/add-a", preexec_fn=self.host.netns.enter)
