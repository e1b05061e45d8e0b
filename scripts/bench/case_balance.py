# SPDX-License-Identifier: Apache-2.0
"""What the choice of a backend costs in connect(), and how good it is on a cluster with a slow and a failing backend."""

import json
import pathlib
import statistics
import struct
import sys
import time

from balance_cluster import PORT
from bpf_map import PinnedMap
from case_connect import measure, side
from harness.process import Process, run, wait_until
from harness.registry import backend, service
from harness.world import World
from report import Result, added, spread

NAME = "balance"
PARTS = ("cost", "quality")
PARTS_APART = True
POLICIES = ("random", "round_robin", "weighted", "maglev", "least_connections", "latency")
FEW, MANY = 2, 1000
COST_BAR_US = 0.15
TURNS, CONNECTS = 25, 4000

BACKENDS, RATE, SECONDS, ROUNDS = 10, 300, 4, 3
LEARN_S = 2  # what a policy has to learn is learned before it is measured
FRONT = "10.96.2.1"
CLUSTER = pathlib.Path(__file__).with_name("balance_cluster.py")


def address_of(policy, backends):
    return f"10.96.1.{POLICIES.index(policy) * 2 + (backends == MANY) + 1}"


def cost_services():
    for policy in POLICIES:
        for count in (FEW, MANY):
            places = [f"10.200.{number // 250}.{number % 250 + 1}" for number in range(count)]
            yield service(f"{policy}-{count}".replace("_", "-"), address_of(policy, count), 80, [backend(one, 9000) for one in places],
                          protocol="udp", balancing=policy)


def fill_vitals(agent, place):
    """As after traffic: the arithmetic of an idle backend is shorter."""
    sizes = {one["name"]: one["value_size"] for one in agent.api.get("/v1/maps")["maps"]}
    vitals = PinnedMap(place.maps / "md_vitals", 4, sizes["md_vitals"])
    now = time.monotonic_ns()
    for item in agent.api.get("/v1/backends")["backends"]:
        key = struct.pack("=I", item["id"])
        # The first fields of struct md_vitals (include/meshd/balance.h): open, times, failures, row, moments.
        known = struct.pack("=iIIHHQQ", item["id"] % 7, 200 + item["id"] % 100, 3000, 0, 0, now, now)
        vitals.update(key, known + vitals.lookup(key)[len(known):])
    vitals.close()


def cost_results(note):
    world = World()
    try:
        plain = world.netns("p")
        services = list(cost_services())
        world.registry.write(*services)
        agent = world.agent("--log-level", "info")
        agent.wait_applied(*services, timeout=60)
        fill_vitals(agent, world.place)
        note(f"the choice in connect(): {len(POLICIES)} policies, {FEW} and {MANY:,} backends")
        sides = [side(f"{policy} ({count})", f"{address_of(policy, count)}:80", plain, world.cgroup, protocol="udp")
                 for policy in POLICIES for count in (FEW, MANY)]
        measured = measure(sides, TURNS, CONNECTS)
    finally:
        world.close()
    for policy in POLICIES:
        for count in (FEW, MANY):
            if policy != "random":
                yield added(NAME, "cost", "connect_median_added", "us", f"{policy} ({count})", measured[f"{policy} ({count})"]["median_ns"],
                            f"random ({count})", measured[f"random ({count})"]["median_ns"], COST_BAR_US)
        yield added(NAME, "cost", "connect_median_added", "us", f"{policy} ({MANY})", measured[f"{policy} ({MANY})"]["median_ns"],
                    f"{policy} ({FEW})", measured[f"{policy} ({FEW})"]["median_ns"], COST_BAR_US)


class Quality:
    """Backends in one namespace, HAProxy twice in another, clients in a third."""

    def __init__(self):
        self.world = World()
        self.servers, self.proxies, self.clients = (self.world.netns(label) for label in "sqc")
        addresses = [f"198.51.100.{number + 1}" for number in range(BACKENDS)]
        for address in addresses:
            self.servers.ip("addr", "add", f"{address}/32", "dev", "lo")
        for netns in (self.proxies, self.clients):
            netns.ip("route", "add", "198.51.100.0/24", "via", self.servers.address)
        self.cluster = Process([sys.executable, "-B", CLUSTER, "serve", *addresses], self.world.place.root / "logs/cluster",
                               self.servers.enter)
        self.world.keep(self)
        wait_until(lambda: "ready" in self.cluster.output(), lambda: f"the cluster:\n{self.cluster.output()}")
        self.targets = [f"{address}:{PORT}" for address in addresses]
        self.addresses = addresses
        self.sides = {}
        for number, balance in enumerate(("leastconn", "random(2)")):
            proxy = self.world.haproxy(*self.targets, netns=self.proxies, port=8081 + number, balance=balance)
            self.sides[f"HAProxy {balance}"] = f"{proxy.address}:{proxy.port}"
        self.agent = self.world.agent("--log-level", "info")
        for policy in POLICIES:
            self.sides[policy] = f"{FRONT}:80"

    def publish(self, policy):
        made = service("front", FRONT, 80, [backend(address, PORT) for address in self.addresses], balancing=policy)
        self.world.registry.write(made)
        self.agent.wait_applied(made)

    def ask(self, name, seconds, seed):
        if name in POLICIES:
            self.publish(name)
        answer = run(sys.executable, "-B", CLUSTER, "ask", self.sides[name], seconds, RATE, seed,
                     preexec_fn=self.world.enter(self.clients), timeout=120)
        return json.loads(answer.stdout)

    def close(self):
        self.cluster.stop()


def quality_results(note):
    setup = Quality()
    try:
        seen = {name: [] for name in setup.sides}
        for turn in range(ROUNDS):
            for name in setup.sides:
                note(f"quality: {name}, turn {turn + 1} of {ROUNDS}")
                setup.ask(name, LEARN_S, 100 + turn)
                seen[name].append(setup.ask(name, SECONDS, turn))
    finally:
        setup.world.close()
    proxies = [name for name in seen if name not in POLICIES]
    for metric, unit, value in (("p99", "ms", lambda one: one["p99_ms"]), ("median", "ms", lambda one: one["median_ms"]),
                                ("failed", "%", lambda one: 100 * one["failed"] / one["requests"])):
        values = {name: [value(one) for one in answers] for name, answers in seen.items()}
        best = min(proxies, key=lambda name: statistics.median(values[name]))
        bound = statistics.median(values[best])
        for name, mine in values.items():
            middle = statistics.median(mine)
            has_bar = name == "latency" and metric != "median"
            yield Result(NAME, "quality", metric, unit, name, middle, best, bound, middle / bound if bound else None,
                         1.0 if has_bar else None, middle <= bound if has_bar else None, spread(mine), turns=mine, peer_turns=values[best])


def run_case(note, parts=PARTS):
    if "cost" in parts:
        yield from cost_results(note)
    if "quality" in parts:
        yield from quality_results(note)
