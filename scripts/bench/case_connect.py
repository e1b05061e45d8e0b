# SPDX-License-Identifier: Apache-2.0
"""What a connect() through the mesh costs, and what the traffic after it does."""

import json

import nftables
from harness.cgroup import Cgroup
from harness.place import build_directory
from harness.process import marked_processes, run
from harness.registry import backend, document, service
from harness.world import World
from report import added, compared
from wrk import requests_per_second

NAME = "connect"
MANY = 10_000
SERVICE, WEB = "10.96.0.10", "10.96.0.11"
CONNECT_BAR_US = 1.5
UNTOUCHED_BAR_US = 0.2
LEAST_RATIO = 0.98
TURNS, CONNECTS = 25, 4000
NFT_TARGET = 9000
SERVER_CPU, CLIENT_CPU = 0, 1  # a scheduler that moves them about costs more than what is measured


def many_addresses(count):
    return [f"10.{100 + number // 65536}.{number // 256 % 256}.{number % 256}" for number in range(count)]


class Setup:
    """Two agents, one with a handful of services and one with MANY more, each with a cgroup of its own; a cgroup without programs; a
    namespace without and two with nftables' rules."""

    def __init__(self, note):
        self.few, self.many = World(), World()
        self.bare = self.few.keep(Cgroup("bare"))
        self.plain, self.nft_few, self.nft_many = (self.few.netns(label) for label in ("p", "f", "m"))
        self.ports = iter(range(7000, 8000))
        self.targets = {self.few: 9000, self.many: 9001}  # ports of the backends that the tool itself plays
        for netns in (self.plain, self.nft_few):
            self.few.nginx("bench", netns, port=8080)
        self.few.haproxy(f"{self.plain.address}:8080", netns=self.plain, port=8081)
        for pid in marked_processes():
            run("taskset", "--all-tasks", "--cpu-list", "--pid", SERVER_CPU, pid)
        note(f"agent with 2 services, agent with {MANY + 2:,}")
        self._start(self.few, 0)
        self._start(self.many, MANY)
        note(f"nftables with 2 services, nftables with {MANY + 2:,}")
        self._nft(self.nft_few, 0)
        self._nft(self.nft_many, MANY)

    def close(self):
        self.many.close()
        self.few.close()

    def _services(self, target, further):
        both = {"ports": [{"name": "tcp", "port": 80}, {"name": "udp", "port": 80, "protocol": "udp"}]}
        yield {"name": "subject", "address": SERVICE, **both,
               "backends": [{"address": self.plain.address, "ports": {"tcp": target, "udp": target}}]}
        yield service("web", WEB, 80, [backend(self.plain.address, 8080)])
        for number, address in enumerate(many_addresses(further)):
            yield service(f"further-{number}", address, 80, [backend("192.0.2.1", 80)])

    def _start(self, world, further):
        services = list(self._services(self.targets[world], further))
        for start in range(0, len(services), 100):
            world.registry.replace(document(services[start:start + 100]), f"part{start:06}")
        agent = world.agent("--log-level", "info")
        agent.wait_status(lambda status: status["services"]["applied"] == len(services) == status["services"]["total"], "all services",
                          timeout=120)

    def _nft(self, netns, further):
        own = [(SERVICE, 80, [(netns.address, NFT_TARGET)]), (WEB, 80, [(netns.address, 8080)])]
        nftables.load(netns, own + [(address, 80, [("192.0.2.1", 80)]) for address in many_addresses(further)])


def side(name, to, netns, cgroup=None, listen=None, protocol="tcp"):
    parts = {"name": name, "to": to, "protocol": protocol, "netns": f"/run/netns/{netns.name}"}
    if cgroup:
        parts["cgroup"] = cgroup.path
    if listen and protocol == "tcp":
        parts["listen"] = listen
    return ",".join(f"{key}={value}" for key, value in parts.items())


def measure(sides, pairs, count):
    answer = run(build_directory() / "bench-connect", "--pairs", pairs, "--count", count, "--cpu", CLIENT_CPU, *sides, timeout=600)
    return {one["name"]: {key: [number / 1000 for number in one[key]] for key in ("median_ns", "p99_ns")}
            for one in json.loads(answer.stdout)["sides"]}


def connect_sides(setup, protocol):
    """Each side connects to a listener of its own."""
    plain = setup.plain

    def own(name, cgroup):
        endpoint = f"{plain.address}:{next(setup.ports)}"
        return side(name, endpoint, plain, cgroup, endpoint, protocol)

    yield own("direct", setup.bare)
    for name, world in (("service (2)", setup.few), ("service (10k)", setup.many)):
        yield side(name, f"{SERVICE}:80", plain, world.cgroup, f"{plain.address}:{setup.targets[world]}", protocol)
    yield own("no service (2)", setup.few.cgroup)
    yield own("no service (10k)", setup.many.cgroup)
    if protocol == "tcp":
        for name, netns in (("nftables DNAT (2)", setup.nft_few), ("nftables DNAT (10k)", setup.nft_many)):
            yield side(name, f"{SERVICE}:80", netns, setup.bare, f"{netns.address}:{NFT_TARGET}", protocol)


def connect_results(measured, protocol):
    direct = measured["direct"]
    for name, values in measured.items():
        if name == "direct":
            continue
        bar = CONNECT_BAR_US if name.startswith("service") else UNTOUCHED_BAR_US if name.startswith("no service") else None
        yield added(NAME, protocol, "connect_median_added", "us", name, values["median_ns"], "direct", direct["median_ns"], bar)
        yield added(NAME, protocol, "connect_p99_added", "us", name, values["p99_ns"], "direct", direct["p99_ns"])
    yield added(NAME, protocol, "connect_median_added", "us", "service (10k)", measured["service (10k)"]["median_ns"],
                "service (2)", measured["service (2)"]["median_ns"], UNTOUCHED_BAR_US)


def request_results(setup, case, seconds, pairs, note, *options):
    plain = setup.plain

    def inside(cgroup, netns):
        def enter():
            cgroup.enter()
            netns.enter()
        return enter

    sides = {"direct": (f"http://{plain.address}:8080/", inside(setup.bare, plain)),
             "service": (f"http://{WEB}/", inside(setup.few.cgroup, plain)),
             "nftables DNAT": (f"http://{WEB}/", inside(setup.bare, setup.nft_few)),
             "HAProxy TCP": (f"http://{plain.address}:8081/", inside(setup.bare, plain))}
    for url, enter in sides.values():
        requests_per_second(CLIENT_CPU, url, enter, 1, *options)
    values = {name: [] for name in sides}
    for pair in range(pairs):
        note(f"{case}: turn {pair + 1} of {pairs}")
        for name, (url, enter) in sides.items():
            values[name].append(requests_per_second(CLIENT_CPU, url, enter, seconds, *options))
    for name in list(sides)[1:]:
        bar = LEAST_RATIO if name == "service" and not options else None
        yield compared(NAME, case, "requests_per_second", "1/s", name, values[name], "direct", values["direct"], bar)


def run_case(note):
    setup = Setup(note)
    try:
        results = []
        for protocol in ("tcp", "udp"):
            note(f"connect(), {protocol}")
            results += connect_results(measure(connect_sides(setup, protocol), TURNS, CONNECTS), protocol)
        results += request_results(setup, "kept connections", 2, 9, note)
        results += request_results(setup, "a connection for each request", 2, 5, note, "--header", "Connection: close")
        return results
    finally:
        setup.close()
