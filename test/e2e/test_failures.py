# SPDX-License-Identifier: Apache-2.0
"""Failure drills: backends that die, refuse, reset and come back, under a thousand requests a second, and what that costs."""

import contextlib
import json
import re

import pytest

from harness import echo
from harness.failing import NameServer, ShortLoad
from harness.netns import Bridge
from harness.process import Process, patient, run, wait_until
from harness.registry import backend, service

V4 = "10.96.0.70"


def name_server(world, name, **keys):
    return world.keep(NameServer(world._directory(), name, **keys))


def publish(world, servers, health=None, **keys):
    if health is not None:
        keys["health"] = health
    world.made = service("web", V4, 80, [backend(server.address, server.port) for server in servers], **keys)
    world.registry.write(world.made)
    running = world.agent()
    running.wait_applied(world.made)
    return running


def rows(running):
    """The backends as `meshctl backend list` shows them, by address and port."""
    listed = running.meshctl_json("backend", "list", "--service", "web")["backends"]
    return {f"{row['address']}:{row['backend_port']}": row for row in listed}


def name_of(server):
    return f"{server.address}:{server.port}"


def events(running, *options):
    return running.meshctl_json("event", "list", "--service", "web", *options)["events"]


def wait_state(running, server, state, timeout=10):
    wait_until(lambda: rows(running)[name_of(server)]["state"] == state,
               lambda: f"{name_of(server)} to be {state}; it is {rows(running)[name_of(server)]}", timeout)


def fail_to_connect(world, times):
    for _ in range(times):
        with contextlib.suppress(OSError), echo.connect(world, V4, 80) as connection:
            connection.recv(100)


# --- drills ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["loopback", "own address"])
@pytest.mark.parametrize("balancing", ["random", "round_robin"])
def test_a_backend_killed_on_this_host_costs_no_request(world, where, balancing):
    keys = {}
    if where == "own address":
        keys["addresses"] = (world.netns().host_address, "::1")
    servers = [name_server(world, name, **keys) for name in "abc"]
    running = publish(world, servers, balancing=balancing)
    load = world.keep(ShortLoad(world, V4, 80, count=3000))
    load.kill(servers[1].pid)
    result = load.finish()
    assert result["failures"] == []
    assert result["requests"] == 3000
    assert result["names"]["a"] > 0 and result["names"]["c"] > 0
    assert running.status()["events"]["no_listener"] > 0


def test_a_remote_backend_killed_costs_at_most_one_request(world):
    servers = [name_server(world, name, netns=world.netns(name)) for name in "abc"]
    running = publish(world, servers, {"eject": {"consecutive": 1}})
    load = world.keep(ShortLoad(world, V4, 80, count=3000))
    load.kill(servers[1].pid)
    result = load.finish()
    assert len(result["failures"]) <= 1, result
    assert rows(running)[name_of(servers[1])]["state"] == "ejected"
    assert running.status()["events"]["no_listener"] == 0
    assert running.status()["events"]["backend_ejected"] == 1


@pytest.mark.parametrize("remote", [False, True], ids=["here", "remote"])
def test_a_rolling_restart_with_drain_costs_no_request(world, remote):
    servers = [name_server(world, name, netns=world.netns(name) if remote else None) for name in "abc"]
    running = publish(world, servers, {"eject": {"consecutive": 1}})
    load = world.keep(ShortLoad(world, V4, 80))
    for server in servers:
        word = f"web/{name_of(server)}"
        running.meshctl("backend", "drain", word)
        wait_until(lambda server=server: no_connections(server), f"connections to {server.name} to end")
        server.stop()
        server.restart()
        running.meshctl("backend", "ready", word)
    result = load.finish()
    assert result["failures"] == []
    assert result["requests"] > 100
    assert all(row["state"] == "ready" for row in rows(running).values())
    assert running.status()["events"]["backend_ejected"] == 0


def no_connections(server):
    """As the server's own host sees it: none that is open, or waits to be accepted."""
    with open(f"/proc/{server.pid}/net/tcp", encoding="utf-8") as lines:
        fields = [line.split() for line in list(lines)[1:]]
    ended = {"06", "0A"}  # TIME_WAIT, LISTEN
    return not [one for one in fields if one[1].endswith(f":{server.port:04X}") and one[3] not in ended]


def test_one_server_after_another_dies_here_and_the_last_one_answers(world):
    servers = [name_server(world, name) for name in "abcdef"]
    publish(world, servers)
    load = world.keep(ShortLoad(world, V4, 80))
    for server in servers[:-1]:
        load.kill(server.pid)
    result = load.finish()
    assert result["failures"] == []
    assert result["names"]["f"] > 0


def test_nothing_listens_anywhere_and_the_kernels_errno_comes_through(world):
    servers = [name_server(world, name) for name in "ab"]
    running = publish(world, servers)
    for server in servers:
        server.stop()
    with pytest.raises(ConnectionRefusedError):
        echo.connect(world, V4, 80)
    assert running.status()["events"]["no_listener_at_all"] == 1
    servers[0].restart()
    assert echo.who(world, V4, 80) == "a"


def test_a_client_in_another_namespace_does_not_look_for_listeners_of_this_one(world):
    """Its own loopback is another, and the host's addresses are remote to it."""
    guest = world.netns("guest")
    server = name_server(world, "a", addresses=(guest.host_address, "::1"))
    running = publish(world, [server])
    assert echo.who(world, V4, 80, guest) == "a"
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        echo.connect(world, V4, 80, guest)
    assert running.status()["events"]["no_listener_at_all"] == 0


def test_datagrams_go_where_somebody_listens(world):
    servers = [world.udp_echo(name) for name in "ab"]
    made = service("dns", V4, 53, [backend("127.0.0.1", server.port) for server in servers], "udp")
    world.registry.write(made)
    running = world.agent()
    running.wait_applied(made)
    servers[0].close()
    for _ in range(20):
        with echo.udp_socket(world) as client:
            assert echo.ask(client, (V4, 53))[0] == "b"
        with echo.udp_socket(world) as client:
            client.connect((V4, 53))
            assert echo.ask(client, None)[0] == "b"
    assert running.status()["events"]["no_listener"] > 0


# --- ejection -------------------------------------------------------------------------------------------------------------------


def remote_pair(world, health, **keys):
    """One that is well and one that refuses, where no look-up of listeners helps."""
    servers = [name_server(world, name, netns=world.netns(name)) for name in "ab"]
    running = publish(world, servers, health, **keys)
    servers[1].stop()
    return running, *servers


def test_an_ejection_is_told_shown_and_over_in_time(world):
    running, good, bad = remote_pair(world, {"eject": {"consecutive": 3, "base": f"{patient(2):g}s"}}, balancing="round_robin")
    fail_to_connect(world, 12)
    row = rows(running)[name_of(bad)]
    assert row["state"] == "ejected"
    assert row["reason"] == "3 failed connections in a row, the last was refused"
    assert row["until"] and row["since"]
    assert {echo.who(world, V4, 80) for _ in range(20)} == {"a"}
    explained = {one["address"]: one for one in running.meshctl_json("explain", f"{V4}:80")["candidates"]}
    assert not explained[bad.address]["candidate"]
    assert "state is ejected: 3 failed connections in a row" in explained[bad.address]["why"]
    assert explained[good.address]["candidate"]
    metrics = running.metrics()
    assert f'meshd_backend_state{{backend="{name_of(bad)}",port="80",protocol="tcp",service="web",state="ejected"}} 1' in metrics
    assert 'meshd_events_total{kind="backend_state"} 1' in metrics

    bad.restart()
    wait_state(running, bad, "ready")
    told = events(running)
    assert [(one["from"], one["to"]) for one in told] == [("ready", "ejected"), ("ejected", "ready")]
    assert told[0]["backend"] == name_of(bad) and told[0]["until"]
    assert told[1]["cause"] == "the ejection is over"
    assert {echo.who(world, V4, 80) for _ in range(20)} == {"a", "b"}
    assert "is ejected, was ready: 3 failed connections in a row" in running.output()


def test_a_good_probe_ends_an_ejection_early(world):
    servers = [name_server(world, name, netns=world.netns(name)) for name in "abc"]
    probe = {"type": "tcp", "interval": "2s", "unhealthy": 100}
    running = publish(world, servers, {"eject": {"consecutive": 1, "base": "1h"}, "probe": probe})
    load = world.keep(ShortLoad(world, V4, 80, count=1000))
    load.kill(servers[1].pid)
    load.finish()
    wait_state(running, servers[1], "ejected")
    servers[1].restart()
    # Its probes have not failed often enough to say so: that it is back is told all the same.
    wait_state(running, servers[1], "ready")
    assert [event["to"] for event in events(running)] == ["ejected", "ready"]


def test_a_watcher_hears_of_an_ejection(world):
    running, _, bad = remote_pair(world, {"eject": {"consecutive": 1}}, balancing="round_robin")
    watcher = world.keep(Process([running.binaries / "meshctl", "--socket", running.place.socket, "event", "watch", "--service", "web",
                                  "-o", "json"], world.place.root / "watcher"))
    wait_until(lambda: changes(running, bad) and told(watcher), "the watcher to listen")
    fail_to_connect(world, 2)
    wait_until(lambda: ("backend_state", "ejected", name_of(bad)) in told(watcher), lambda: f"the ejection: {told(watcher)}")


def changes(running, server):
    """What a watcher that listens is told of, and leaves all as it was."""
    for word in ("drain", "ready"):
        running.meshctl("backend", word, f"web/{name_of(server)}")
    return True


def told(watcher):
    events = [json.loads(line) for line in watcher.output().splitlines(keepends=True) if line.endswith("\n")]
    return [(event["event"], event["to"], event["backend"]) for event in events]


def test_resets_before_an_answer_eject(world):
    servers = [name_server(world, "a"), name_server(world, "b", resets=True)]
    running = publish(world, servers, {"eject": {"consecutive": 3}}, balancing="round_robin")
    fail_to_connect(world, 10)
    assert rows(running)[name_of(servers[1])]["state"] == "ejected"
    assert rows(running)[name_of(servers[1])]["reason"].endswith("the last was reset before it answered")


def test_a_connect_that_is_given_up_counts_when_the_kernel_had_to_ask_twice(world):
    """An address that takes no packet: SYN goes to a neighbour that is not there."""
    host = world.netns("well")
    server = name_server(world, "a", netns=host)
    hole = Bridge.address(120)
    run("ip", "neigh", "replace", hole, "lladdr", "02:00:00:00:00:99", "dev", Bridge.NAME, "nud", "permanent")
    world.made = service("web", V4, 80, [backend(server.address, server.port), backend(hole, 80)], balancing="round_robin",
                         health={"eject": {"consecutive": 1}})
    world.registry.write(world.made)
    running = world.agent()
    running.wait_applied(world.made)

    def give_up(after):
        for _ in range(2):
            with echo.tcp_socket(world, timeout=after) as client, contextlib.suppress(TimeoutError):
                client.connect((V4, 80))

    give_up(0.3)
    assert rows(running)[f"{hole}:80"]["state"] == "ready"
    give_up(1.5)  # the kernel sends SYN again after a second
    assert rows(running)[f"{hole}:80"]["state"] == "ejected"
    assert rows(running)[f"{hole}:80"]["reason"].endswith("the last was timed out")


def test_a_share_of_failures_ejects(world):
    running, _, bad = remote_pair(world, {"eject": {"consecutive": 0, "rate": "30%"}}, balancing="round_robin")
    fail_to_connect(world, 30)
    assert rows(running)[name_of(bad)]["state"] == "ejected"
    assert "% of connections failed" in rows(running)[name_of(bad)]["reason"]


def test_no_more_are_ejected_than_may(world):
    servers = [name_server(world, name, netns=world.netns(name)) for name in "abcd"]
    running = publish(world, servers, {"eject": {"consecutive": 1, "most": "50%"}, "panic": "0%"}, balancing="round_robin")
    for server in servers[1:]:
        server.stop()
    fail_to_connect(world, 40)
    assert sorted(row["state"] for row in rows(running).values()) == ["ejected", "ejected", "ready", "ready"]
    assert running.status()["events"]["ejection_spared"] > 0


def test_too_few_usable_is_panic_and_all_are_used(world):
    servers = [name_server(world, name, netns=world.netns(name)) for name in "abc"]
    running = publish(world, servers, {"eject": {"consecutive": 1, "most": "100%", "base": "30s"}}, balancing="round_robin")
    for server in servers[1:]:
        server.stop()
    fail_to_connect(world, 6)
    wait_until(lambda: [one["to"] for one in events(running) if one["event"] == "panic"] == ["on"], "the panic")
    assert [row["in_panic"] for row in rows(running).values()] == [False, True, True]
    for server in servers[1:]:
        server.restart()
    assert {echo.who(world, V4, 80) for _ in range(30)} == {"a", "b", "c"}
    for server in servers[1:]:
        running.meshctl("backend", "ready", f"web/{name_of(server)}")
    assert [one["to"] for one in events(running) if one["event"] == "panic"] == ["on", "off"]


def test_flapping_is_bounded(world):
    """Ejections of a backend that never gets well last longer and longer: n of them take base × n (n + 1) / 2."""
    running, _, bad = remote_pair(world, {"eject": {"consecutive": 1, "base": "100ms", "longest": "10s"}}, balancing="round_robin")
    load = world.keep(ShortLoad(world, V4, 80, rate=200))
    wait_until(lambda: "ejected 8 times in a row" in rows(running)[name_of(bad)]["reason"], "the eighth ejection", timeout=30)
    result = load.finish()
    ejections = int(re.search(r"ejected (\d+) times in a row", rows(running)[name_of(bad)]["reason"])[1])
    assert len(result["failures"]) <= ejections + 1
    assert ejections * (ejections - 1) / 2 * 0.1 <= result["seconds"], "all but the last have passed"
    assert running.output().count("is ejected, was ready") <= 30


def test_an_ejection_goes_on_when_the_agent_does_not(world):
    running, _, bad = remote_pair(world, {"eject": {"consecutive": 1, "base": "60s"}}, balancing="round_robin")
    fail_to_connect(world, 2)
    wait_state(running, bad, "ejected")
    running.kill()
    assert {echo.who(world, V4, 80) for _ in range(10)} == {"a"}
    running.start()
    wait_state(running, bad, "ejected")
    assert events(running) == [], "nothing has changed"
    bad.restart()
    running.meshctl("backend", "ready", f"web/{name_of(bad)}")
    assert {echo.who(world, V4, 80) for _ in range(10)} == {"a", "b"}


def test_a_backend_that_leaves_gives_its_place_back(world):
    servers = [name_server(world, name, netns=world.netns(name)) for name in "abc"]
    running = publish(world, servers, {"eject": {"consecutive": 1, "base": "60s"}}, balancing="round_robin")
    servers[1].stop()
    fail_to_connect(world, 3)
    wait_state(running, servers[1], "ejected")
    servers[2].stop()
    fail_to_connect(world, 4)
    assert rows(running)[name_of(servers[2])]["state"] == "ready", "one of three is as many as may"
    replaced = name_server(world, "d", netns=world.netns("d"))
    world.made["backends"][1] = backend(replaced.address, replaced.port)
    world.registry.write(world.made)
    wait_until(lambda: name_of(replaced) in rows(running), "the new backend")
    fail_to_connect(world, 6)
    wait_state(running, servers[2], "ejected")


# --- people ---------------------------------------------------------------------------------------------------------------------


def test_a_word_holds_over_a_restart_and_for_its_time(world):
    servers = [name_server(world, name) for name in "ab"]
    running = publish(world, servers)
    drained = f"web/{name_of(servers[0])}"
    running.meshctl("backend", "drain", drained)
    assert {echo.who(world, V4, 80) for _ in range(20)} == {"b"}, "at once"
    running.stop()
    running.start()
    wait_state(running, servers[0], "drain")
    assert {echo.who(world, V4, 80) for _ in range(20)} == {"b"}
    running.meshctl("backend", "reset", drained)
    assert {echo.who(world, V4, 80) for _ in range(30)} == {"a", "b"}
    running.meshctl("backend", "maint", drained, "--for", "1s")
    assert {echo.who(world, V4, 80) for _ in range(20)} == {"b"}
    wait_state(running, servers[0], "ready")
    assert {echo.who(world, V4, 80) for _ in range(30)} == {"a", "b"}
    assert [(one["from"], one["to"]) for one in events(running)] == [("drain", "ready"), ("ready", "maint"), ("maint", "ready")]


def test_a_word_stands_above_the_registry(world):
    servers = [name_server(world, name) for name in "ab"]
    running = publish(world, servers)
    world.made["backends"][0]["state"] = "maint"
    world.registry.write(world.made)
    wait_state(running, servers[0], "maint")
    assert events(running)[-1]["cause"] == "the registry says so"
    running.meshctl("backend", "ready", f"web/{name_of(servers[0])}")
    assert {echo.who(world, V4, 80) for _ in range(30)} == {"a", "b"}


def test_only_what_exists_has_a_state(world):
    servers = [name_server(world, "a")]
    running = publish(world, servers)
    answer = running.meshctl("backend", "drain", "web/192.0.2.1:80", check=False)
    assert answer.returncode == 1
    assert "service 'web' has no backend '192.0.2.1:80'" in answer.stderr
    assert running.meshctl("backend", "drain", "web", check=False).returncode == 2
    assert rows(running)[name_of(servers[0])]["state"] == "ready"


def test_a_word_that_cannot_be_kept_is_not_given(world):
    servers = [name_server(world, name) for name in "ab"]
    running = publish(world, servers)
    (running.place.root / "state/backend_states.json.new").mkdir()
    answer = running.meshctl("backend", "maint", f"web/{name_of(servers[0])}", check=False)
    assert answer.returncode == 1
    assert "backend_states.json" in answer.stderr
    assert rows(running)[name_of(servers[0])]["state"] == "ready"
    (running.place.root / "state/backend_states.json.new").rmdir()


def test_connections_of_a_drained_backend_stay(world):
    servers = [world.tcp_echo(name) for name in "ab"]
    made = service("line", V4, 7, [backend("127.0.0.1", server.port) for server in servers], balancing="round_robin")
    world.registry.write(made)
    running = world.agent()
    running.wait_applied(made)
    with contextlib.ExitStack() as stack:
        lines = [stack.enter_context(echo.connect(world, V4, 7)) for _ in servers]
        names = {echo.read_line(line): line for line in lines}
        running.meshctl("backend", "drain", f"line/127.0.0.1:{servers[0].port}")
        names["a"].sendall(b"x")
        assert names["a"].recv(1) == b"x"
        assert echo.who(world, V4, 7) == "b"
