# SPDX-License-Identifier: Apache-2.0
"""Clients and backends with a router between them, each a network namespace, once for each kind of router: a plain one, one with the
programs of an agent at its devices, and one with nftables. HAProxy runs on the plain one."""

import nftables
from harness import servers
from harness.forwarded import BACKEND, NODE
from harness.hosts import SERVICE, Hosts, NodeAgent
from harness.process import marked_processes, run
from harness.programs import NginxFiles, random_files
from harness.world import World

# What is asked directly has a server of its own: clients that come to one port of a backend both through a service and directly reuse ports
# that the backend still keeps, with timestamps that go back, and wait a second for each (RFC 7323, 5.2).
WEB, PROXY, DIRECT, DATAGRAMS = 8080, 8081, 8082, 9000
LARGE = 1 << 20
SERVER_CPU, CLIENT_CPU = 0, 1


class Routed:
    def __init__(self, note):
        self.world = World()
        try:
            self._fill(note)
        except BaseException:
            self.close()
            raise

    def _fill(self, note):
        root = self.world.place.root
        random_files(root / "files", [LARGE], seed=1)
        self.rows = {label: self.world.keep(Hosts(f"-{label}")) for label in ("plain", "meshd", "nft")}
        for label, row in self.rows.items():
            for port in (WEB, DIRECT):
                self.world.keep(NginxFiles(root / f"nginx-{label}-{port}", root / "files", port=port, addresses=(BACKEND, "fd02::2"),
                                           enter=row.backend.enter))
        plain = self.rows["plain"].node
        self.world.keep(servers.Haproxy(root / "haproxy", f"{BACKEND}:{WEB}", port=PROXY, addresses=(NODE, "fd01::1"),
                                        enter=plain.enter))
        for pid in marked_processes():
            run("taskset", "--all-tasks", "--cpu-list", "--pid", SERVER_CPU, pid)
        note("an agent on one router, nftables on another")
        nftables.load(self.rows["nft"].node, [(SERVICE, 80, [(BACKEND, WEB)]), (SERVICE, 53, [(BACKEND, DATAGRAMS)], "udp")], "prerouting")
        agent = self.world.keep(NodeAgent(self.world.place, self.rows["meshd"].node, 'devices: ["c0", "b0"]\nlog: {level: info}\n')).start()
        entry = {"name": "web", "address": SERVICE, "ports": [{"name": "http", "port": 80}, {"name": "udp", "port": 53, "protocol": "udp"}],
                 "backends": [{"address": BACKEND, "ports": {"http": WEB, "udp": DATAGRAMS}}]}
        self.world.registry.write(entry)
        agent.wait_status(lambda status: status["services"]["applied"] == 1 and len(agent.devices()) == 2, "the service and both devices")

    def close(self):
        self.world.close()

    def ways(self, web):
        """Name to (clients' host, ADDRESS:PORT): of a connection to the web server, or of a datagram."""
        direct = f"{BACKEND}:{DIRECT if web else DATAGRAMS}"
        service = f"{SERVICE}:{80 if web else 53}"
        ways = {"no programs": (self.rows["plain"], direct), "not ours": (self.rows["meshd"], direct),
                "service": (self.rows["meshd"], service), "nftables DNAT": (self.rows["nft"], service)}
        if web:
            ways["HAProxy TCP"] = (self.rows["plain"], f"{NODE}:{PROXY}")
        return ways
