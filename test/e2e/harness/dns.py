# SPDX-License-Identifier: Apache-2.0
"""A real dnsmasq that knows the names of the zone `test` and nothing else."""

import os
import random
import socket

from harness.process import Process, wait_until
from harness.servers import Server

ZONE = "test"


def own_address():
    """Of this computer's own network, and hardly anybody else's: what other tests open on 127.0.0.1 is not in the way, also after a
    restart. With a port that is free for both protocols there."""
    draw = random.Random(os.urandom(8))
    while True:
        address = f"127.{draw.randrange(100, 250)}.{draw.randrange(256)}.{draw.randrange(1, 255)}"
        port = draw.randrange(10000, 30000)
        try:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                with socket.socket(socket.AF_INET, kind) as probe:
                    probe.bind((address, port))
            return address, port
        except OSError:
            continue


class Dns(Server):
    """`hosts` are lists of addresses by name, `services` lists of (target, port, priority, weight) by name of SRV records."""

    def __init__(self, directory, hosts=(), services=(), ttl=1):
        address, port = own_address()
        super().__init__(directory, port=port, kind=socket.SOCK_DGRAM, addresses=(address, "::1"))
        self.ttl = ttl
        self.set(hosts, services)

    @property
    def server(self):
        return f"{self.address}:{self.port}"

    def set(self, hosts=(), services=()):
        """Other records from now on."""
        if self.process is not None:
            self.process.stop()
        lines = [f"host-record={name},{address}" for name, addresses in dict(hosts).items() for address in addresses]
        lines += [f"srv-host={name},{','.join(map(str, record))}" for name, records in dict(services).items() for record in records]
        (self.directory / "dnsmasq.conf").write_text("\n".join(lines) + "\n")
        self.run()

    def run(self):
        # With --local the zone is its own: what it does not know there does not exist.
        self.process = Process(["dnsmasq", "--keep-in-foreground", f"--conf-file={self.directory}/dnsmasq.conf", "--no-resolv", "--no-hosts",
                                "--bind-interfaces", f"--port={self.port}", f"--listen-address={self.address}", "--pid-file", "--user=root",
                                f"--local=/{ZONE}/", f"--local-ttl={self.ttl}", "--log-queries", "--log-facility=-"], self.directory / "log")
        wait_until(self._listens, lambda: f"dnsmasq to listen:\n{self.process.output()}")

    def asked(self, name):
        """How many questions for that name it has seen."""
        return sum("query[" in line and f" {name} from" in line for line in self.process.output().splitlines())
