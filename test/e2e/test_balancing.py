# SPDX-License-Identifier: Apache-2.0
"""Which backend a new connection gets, by policy, weight and state."""

import collections

import pytest

from harness import echo
from harness.registry import backend, service

V4 = "10.96.0.20"


@pytest.fixture
def three(world):
    world.servers = [world.tcp_echo(name) for name in "abc"]
    world.running = world.agent()
    return world


def publish(world, balancing, *keys, address=V4):
    """A service with the backends a, b, c, each with its own further keys."""
    made = service("line", address, 7, [backend("127.0.0.1", server.port, **extra) for server, extra in zip(world.servers, keys)],
                   balancing=balancing)
    world.registry.write(made)
    world.running.wait_applied(made)


def sequence(world, count, address=V4):
    return [echo.who(world, address, 7) for _ in range(count)]


def test_round_robin_is_an_exact_cycle(three):
    publish(three, "round_robin", {}, {}, {})
    seen = sequence(three, 12)
    assert set(seen[:3]) == set("abc")
    assert seen == seen[:3] * 4


def test_round_robin_pays_no_attention_to_weights(three):
    publish(three, "round_robin", {"weight": 100}, {"weight": 1}, {"weight": 3})
    assert collections.Counter(sequence(three, 12)) == {"a": 4, "b": 4, "c": 4}


def test_weighted_is_exact_over_a_cycle(three):
    publish(three, "weighted", {"weight": 50}, {"weight": 30}, {"weight": 20})
    for _ in range(3):
        assert collections.Counter(sequence(three, 10)) == {"a": 5, "b": 3, "c": 2}


def test_weighted_is_spread_evenly_in_the_cycle(three):
    publish(three, "weighted", {"weight": 5}, {"weight": 3}, {"weight": 2})
    seen = sequence(three, 10)
    for count in range(1, 11):
        for name, share in (("a", 0.5), ("b", 0.3), ("c", 0.2)):
            assert abs(seen[:count].count(name) - share * count) < 1, seen


def test_random_follows_the_weights(three):
    publish(three, "random", {"weight": 2}, {"weight": 1}, {"weight": 1})
    seen = collections.Counter(sequence(three, 800))
    # Five standard deviations: one run in a million fails by chance.
    assert abs(seen["a"] - 400) < 5 * 14.2
    assert abs(seen["b"] - 200) < 5 * 12.3
    assert abs(seen["c"] - 200) < 5 * 12.3
    assert len(set(sequence(three, 40))) > 1


@pytest.mark.parametrize("balancing", ["random", "round_robin", "weighted"])
@pytest.mark.parametrize("keys", [{"weight": 0}, {"state": "drain"}, {"state": "maint"}], ids=["weight-0", "drain", "maint"])
def test_a_backend_out_of_use_is_never_chosen(three, balancing, keys):
    publish(three, balancing, {}, keys, {})
    seen = collections.Counter(sequence(three, 30))
    assert set(seen) == {"a", "c"}


def test_drain_keeps_the_connections_that_are_open(three):
    publish(three, "round_robin", {}, {}, {})
    with echo.connect(three, V4, 7) as connection:
        name = echo.read_line(connection)
        publish(three, "round_robin", *({"state": "drain"} if server == name else {} for server in "abc"))
        connection.sendall(b"still")
        assert connection.recv(100) == b"still"
        assert name not in sequence(three, 9)


def test_policy_changes_while_it_runs(three):
    publish(three, "random", {}, {}, {})
    publish(three, "weighted", {"weight": 3}, {"weight": 1}, {"weight": 0})
    assert collections.Counter(sequence(three, 8)) == {"a": 6, "b": 2}


def test_ipv6_asks_ipv6_backends_first(world):
    servers = [world.tcp_echo("four"), world.tcp_echo("six", "::1")]
    made = service("line", [V4, "fd00:96::20"], 7, [backend(one.address, one.port) for one in servers])
    world.registry.write(made)
    world.agent().wait_applied(made)
    assert {echo.who(world, V4, 7) for _ in range(10)} == {"four"}
    assert {echo.who(world, "fd00:96::20", 7) for _ in range(10)} == {"six"}


def test_expected_share_is_what_happens(three):
    publish(three, "weighted", {"weight": 6}, {"weight": 3}, {"weight": 1})
    seen = collections.Counter(sequence(three, 100))
    shares = [one["share"] for one in three.running.service("line")["ports"][0]["backends"]]
    assert shares == pytest.approx([0.6, 0.3, 0.1])
    assert [seen[name] for name in "abc"] == [60, 30, 10]
    assert [one["connects"] for one in three.running.service("line")["ports"][0]["backends"]] == [60, 30, 10]


def test_explain_names_a_candidate_and_the_reasons(three):
    publish(three, "weighted", {"weight": 1}, {"state": "drain"}, {"weight": 0})
    answer = three.running.meshctl_json("explain", f"{V4}:7")
    assert answer["service"] == "line"
    assert answer["outcome"] == "connect_forwarded" or answer["outcome"] == "forwarded"
    assert answer["chosen"]["port"] == three.servers[0].port
    assert [one["candidate"] for one in sorted(answer["candidates"], key=lambda one: one["port"] != three.servers[0].port)][0]
    assert sum(one["candidate"] for one in answer["candidates"]) == 1
