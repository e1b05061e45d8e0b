# SPDX-License-Identifier: Apache-2.0
"""Policies that look at who asks, and at how backends do."""

import collections
import contextlib
import math
import socket
import struct
import threading
import time

import pytest

from harness import echo
from harness.cgroup import Cgroup
from harness.process import wait_until
from harness.registry import backend, service

V4 = "10.96.0.70"


class Answerer:
    """Sends its name `delay` seconds after a request, and closes; each `resets`-th connection is reset instead."""

    def __init__(self, name, delay=0.0, resets=0):
        self.name, self.delay, self.resets = name, delay, resets
        self.seen = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.seen += 1
                threading.Thread(target=self._serve, args=(connection, self.seen), daemon=True).start()

    def _serve(self, connection, number):
        with contextlib.suppress(OSError), connection:
            if self.resets and number % self.resets == 0:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            connection.recv(100)
            time.sleep(self.delay)
            connection.sendall(f"{self.name}\n".encode())

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def request(world):
    """The name of who answers, None when nobody does."""
    try:
        with echo.connect(world, V4, 7) as connection:
            connection.sendall(b"?")
            return echo.read_line(connection)
    except (ConnectionError, AssertionError):
        return None


def publish(world, balancing, servers, keys=(), **service_keys):
    keys = list(keys) or [{}] * len(servers)
    made = service("line", V4, 7, [backend("127.0.0.1", server.port, **extra) for server, extra in zip(servers, keys)],
                   balancing=balancing, **service_keys)
    world.registry.write(made)
    world.running.wait_applied(made)
    return made


@pytest.fixture
def three(world):
    world.servers = [world.tcp_echo(name) for name in "abc"]
    world.running = world.agent()
    return world


def sequence(world, count):
    return [echo.who(world, V4, 7) for _ in range(count)]


def candidates(world, servers):
    """What explain says of each backend, in the order of `servers`."""
    rows = {row["port"]: row for row in world.running.meshctl_json("explain", f"{V4}:7")["candidates"]}
    return [rows[server.port] for server in servers]


@pytest.mark.parametrize("policy", ["least_connections", "latency", "maglev"])
def test_each_policy_reaches_backends_and_explains_itself(three, policy):
    publish(three, policy, three.servers)
    assert set(sequence(three, 60)) <= set("abc")
    answer = three.running.meshctl_json("explain", f"{V4}:7")
    assert answer["balancing"] == policy and answer["why"].startswith(policy)
    assert all(row["score"] is None or row["score"] >= 0 for row in answer["candidates"])
    assert (answer["candidates"][0]["score"] is None) == (policy == "maglev")


@pytest.mark.parametrize("policy", ["random", "least_connections"])
def test_open_connections_are_counted_and_counted_back(three, policy):
    publish(three, policy, three.servers)
    held = [echo.connect(three, V4, 7) for _ in range(30)]
    assert sum(row["open"] for row in candidates(three, three.servers)) == 30
    for connection in held[:20]:
        connection.close()
    wait_until(lambda: sum(row["open"] for row in candidates(three, three.servers)) == 10, lambda: str(candidates(three, three.servers)))
    for connection in held[20:]:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # by RST
        connection.close()
    wait_until(lambda: not any(row["open"] for row in candidates(three, three.servers)), lambda: str(candidates(three, three.servers)))


def test_refused_connections_are_counted_back(three):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    made = service("line", V4, 7, [backend("127.0.0.1", port)], balancing="latency")
    three.registry.write(made)
    three.running.wait_applied(made)
    for _ in range(10):
        with pytest.raises(ConnectionRefusedError):
            echo.connect(three, V4, 7)
    row = three.running.meshctl_json("explain", f"{V4}:7")["candidates"][0]
    assert row["open"] == 0 and row["score"] > 0, row


def test_least_connections_keeps_backends_level(three):
    publish(three, "least_connections", three.servers)
    with contextlib.ExitStack() as held:
        for _ in range(150):
            held.enter_context(echo.connect(three, V4, 7))
        counts = [row["open"] for row in candidates(three, three.servers)]
    # Random would leave them within 17 of 50 (three standard deviations); two choices within a few.
    assert max(counts) - min(counts) <= 10, counts


def test_latency_leaves_the_slow_one_alone(world):
    servers = [world.keep(Answerer(name, delay)) for name, delay in (("a", 0), ("b", 0), ("slow", 0.05))]
    world.running = world.agent()
    publish(world, "latency", servers)
    for _ in range(10):
        request(world)
    seen = collections.Counter(request(world) for _ in range(300))
    # It is chosen when both draws are of it: one time in nine. Five standard deviations.
    assert seen["slow"] <= 300 / 9 + 5 * math.sqrt(300 / 9), seen
    rows = candidates(world, servers)
    assert rows[2]["score"] > max(rows[0]["score"], rows[1]["score"]), rows


def test_latency_weighs_failures_as_it_is_told(world):
    servers = [world.keep(Answerer("good", 0.02)), world.keep(Answerer("bad", resets=2))]
    world.running = world.agent()
    publish(world, {"policy": "latency", "failure_penalty": "10s"}, servers)
    for _ in range(40):
        request(world)
    before = servers[1].seen
    for _ in range(200):
        request(world)
    assert servers[1].seen - before <= 50 + 5 * math.sqrt(50), "only when both draws are of it: one time in four"
    rows = candidates(world, servers)
    assert rows[1]["score"] > 1000000 > rows[0]["score"], rows


def bound_connect(world, source):
    with world.entered():
        made = socket.socket()
    made.settimeout(5)
    made.bind((source, 0))
    with made:
        made.connect((V4, 7))
        return echo.read_line(made)


def test_maglev_leads_a_source_to_the_same_backend(three):
    publish(three, "maglev", three.servers)
    sources = [f"127.1.{number}.1" for number in range(40)]
    before = {source: bound_connect(three, source) for source in sources}
    assert set(before.values()) == set("abc")
    assert {source: bound_connect(three, source) for source in sources} == before
    publish(three, "maglev", three.servers, ({}, {"state": "drain"}, {}))
    after = {source: bound_connect(three, source) for source in sources}
    moved = [source for source in sources if before[source] != "b" and before[source] != after[source]]
    assert "b" not in after.values() and len(moved) <= 2, moved


def test_maglev_without_a_bound_address_goes_by_the_namespace(world):
    world.running = world.agent()
    spaces = [world.netns(str(number)) for number in range(6)]
    backends = [world.tcp_echo(name, spaces[0].host_address) for name in "abcdefgh"]
    made = service("line", V4, 7, [backend(one.address, one.port) for one in backends], balancing="maglev")
    world.registry.write(made)
    world.running.wait_applied(made)
    seen = [{echo.who(world, V4, 7, netns=space) for _ in range(5)} for space in spaces]
    assert all(len(names) == 1 for names in seen), seen
    assert len(set.union(*seen)) > 1, seen


def test_maglev_by_workload_follows_the_cgroup(three):
    publish(three, {"policy": "maglev", "hash": "workload"}, three.servers)
    seen = []
    for number in range(12):
        group = three.keep(Cgroup(f"w{number}", three.cgroup.path))
        with group.entered():
            sockets = [socket.create_connection((V4, 7), timeout=5) for _ in range(4)]
        seen.append({echo.read_line(one) for one in sockets})
        for one in sockets:
            one.close()
    assert all(len(names) == 1 for names in seen), seen
    assert len(set.union(*seen)) > 1, seen


def test_affinity_holds_for_its_time_and_no_longer(three):
    publish(three, {"policy": "round_robin", "affinity": "1s"}, three.servers)
    first = bound_connect(three, "127.1.0.1")
    assert {bound_connect(three, "127.1.0.1") for _ in range(9)} == {first}
    assert {bound_connect(three, f"127.2.0.{number}") for number in range(1, 30)} == set("abc"), "others have their own"

    def moved():
        time.sleep(1.1)  # each connection begins the time anew
        return bound_connect(three, "127.1.0.1") != first

    wait_until(moved, "the source to be given another backend", timeout=20)


def test_affinity_gives_up_a_backend_that_drains(three):
    publish(three, {"policy": "random", "affinity": "1h"}, three.servers)
    first = bound_connect(three, "127.1.0.1")
    publish(three, {"policy": "random", "affinity": "1h"}, three.servers, [{"state": "drain"} if name == first else {} for name in "abc"])
    assert bound_connect(three, "127.1.0.1") != first


def test_a_change_of_policy_touches_no_open_connection(three):
    publish(three, "random", three.servers)
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(echo.connect(three, V4, 7)) for _ in range(12)]
        names = [echo.read_line(connection) for connection in held]
        for policy in ("latency", "maglev", "least_connections", {"policy": "weighted", "slow_start": "5s"}, "round_robin", "random"):
            publish(three, policy, three.servers)
            for number, connection in enumerate(held):
                connection.sendall(f"{number}".encode())
                assert connection.recv(100) == f"{number}".encode(), (policy, names[number])
            assert sum(row["open"] for row in candidates(three, three.servers)) == 12, policy


COUNT = 100_000


def udp_split(world, servers):
    """The share of each backend in COUNT connect() calls, as the kernel has counted them."""
    before = counts_of(world, servers)
    with world.entered():
        for _ in range(COUNT):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
                made.connect((V4, 7))
    return [(after - then) / COUNT for after, then in zip(counts_of(world, servers), before)]


def counts_of(world, servers):
    rows = {row["port"]: row["connects"] for row in world.running.service("line")["ports"][0]["backends"]}
    return [rows[server.port] for server in servers]


def test_a_weighted_split_is_exact_over_100_000_connects(three):
    publish(three, "weighted", three.servers, ({"weight": 700}, {"weight": 250}, {"weight": 50}), protocol="udp")
    assert udp_split(three, three.servers) == pytest.approx([0.7, 0.25, 0.05], abs=0.005)


def test_subsets_split_by_their_weights_whatever_the_number_of_backends(three):
    three.servers.append(three.tcp_echo("d"))
    keys = [{"labels": {"version": "v1"}}] * 3 + [{"labels": {"version": "v2"}}]
    publish(three, "weighted", three.servers, keys, protocol="udp",
            subsets=[{"name": "stable", "labels": {"version": "v1"}, "weight": 95}, {"name": "canary", "labels": {"version": "v2"}, "weight": 5}])
    assert udp_split(three, three.servers) == pytest.approx([0.95 / 3] * 3 + [0.05], abs=0.005)


def test_near_backends_come_first_and_spill_over(world):
    servers = [world.tcp_echo(name) for name in "abc"]
    settings = world.place.root / "meshd.yaml"
    settings.write_text("node: {locality: eu/a/n1}\n")
    world.running = world.agent("--config", settings)
    keys = [{"locality": "eu/a/n1"}, {"locality": "eu/a/n2"}, {"locality": "eu/b/n3"}]
    locality = {"prefer": "node", "spill_below": "50%", "spill_open": 5}
    publish(world, {"policy": "round_robin", "locality": locality}, servers, keys)
    assert set(sequence(world, 20)) == {"a"}
    assert [row["near"] for row in candidates(world, servers)] == [True, False, False]
    with contextlib.ExitStack() as stack:
        wait_until(lambda: not any(row["open"] for row in candidates(world, servers)), "connections to be counted back")
        for _ in range(5):
            stack.enter_context(echo.connect(world, V4, 7))
        assert set(sequence(world, 60)) == set("abc"), "by load"
    publish(world, {"policy": "round_robin", "locality": locality}, servers, [keys[0] | {"state": "maint"}, *keys[1:]])
    assert set(sequence(world, 20)) == {"b"}, "by health, to the zone"


def test_a_new_backend_starts_slowly(three):
    publish(three, {"policy": "random", "slow_start": "1h"}, three.servers[:2])
    publish(three, {"policy": "random", "slow_start": "1h"}, three.servers)
    seen = collections.Counter(sequence(three, 640))
    # A sixteenth of a share beside two whole ones: 1 in 33. Five standard deviations.
    assert 0 < seen["c"] <= 640 / 33 + 5 * math.sqrt(640 / 33), seen
    assert abs(seen["a"] - seen["b"]) < 5 * math.sqrt(640), seen
