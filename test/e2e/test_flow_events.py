# SPDX-License-Identifier: Apache-2.0
"""What `flow watch` tells of flows that pass devices, of forwarded ones, and of what is refused."""

import socket

import pytest

from harness.echo import ask, read_line
from harness.forwarded import BACKEND, Net, dns, web
from harness.hosts import SERVICE
from harness.policy import Policy, rule
from harness.registry import backend, service
from harness.watching import Watching


def watching(world, agent):
    return world.keep(Watching(agent, world.place.root / "watch.log"))


def of(connection, event):
    name = "%s:%d" % connection.getsockname()[:2]
    return lambda row: row["event"] == event and row["client"] == name


@pytest.mark.parametrize("way", ["device", "forwarding"])
def test_flows_of_packets_open_and_end(world, way):
    net = Net(world)
    echo = net.tcp("name")
    net.serve(web(echo))
    watch = watching(world, net.agent)
    with net.connect(*((SERVICE, 80) if way == "forwarding" else (echo.address, echo.port))) as connection:
        read_line(connection)
        connection.sendall(b"x" * 1000)
        assert connection.recv(1000)
        opened = watch.wait(of(connection, "opened"), "the flow to open")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1000):
            pass
        ended = watch.wait(of(connection, "ended"), "the flow to end")
    assert (opened["source"], opened["state"], ended["state"], ended["reason"]) == (way, "established", "closed", "")
    assert (ended["bytes_out"], ended["bytes_in"], ended["server"]) == (1000, 1005, f"{echo.address}:{echo.port}")
    assert (ended["service"], ended["asked"]) == (("web", f"{SERVICE}:80") if way == "forwarding" else ("", ""))
    assert [row["event"] for row in watch.rows() if row["client"] == opened["client"]] == ["opened", "ended"]


def test_what_nobody_ends_ages_out(world):
    net = Net(world, "forwarding: {timeouts: {udp: 1s}}\n")
    net.serve(dns(net.udp("name")))
    watch = watching(world, net.agent)
    client = net.socket(SERVICE, socket.SOCK_DGRAM)
    for _ in range(3):
        ask(client, (SERVICE, 53), b"what?")
    port = ":%d" % client.getsockname()[1]
    ended = watch.wait(lambda row: row["event"] == "ended" and row["client"].endswith(port), "the flow to age out")
    assert (ended["reason"], ended["source"], ended["bytes_out"], ended["bytes_in"]) == ("aged_out", "forwarding", 15, 30)


def test_a_socket_that_the_policy_denies_is_told_of_once(world):
    policy = Policy(world).start()
    echo = world.tcp_echo("one")
    entry = service("denied", "10.96.0.46", 7, [backend("127.0.0.1", echo.port)])
    world.registry.write(entry)
    policy.agent.wait_applied(entry)
    policy.rules(rule("no", "deny", cidr="127.0.0.1", port=echo.port, protocol="tcp"), rule("nor", "deny", cidr="10.96.0.46"))
    watch = watching(world, policy.agent)
    for to in (("127.0.0.1", echo.port), ("10.96.0.46", 7)):
        with world.entered(), pytest.raises(PermissionError):
            socket.create_connection(to, timeout=5)
    watch.wait(lambda row: row["event"] == "refused" and row["service"] == "denied", "the second refusal")
    refused = [row for row in watch.rows() if row["event"] == "refused"]
    assert [(row["verdict"], row["reason"], row["server"], row["service"]) for row in refused] == [
        ("refused", "policy_denied", f"127.0.0.1:{echo.port}", ""), ("refused", "policy_denied", "10.96.0.46:7", "denied")]
    assert all(row["cgroup"].endswith(world.cgroup.path.name) for row in refused)


def test_a_socket_beyond_a_limit_is_told_of(world):
    echo = world.tcp_echo("one")
    entry = service("limited", "10.96.0.45", 7, [backend("127.0.0.1", echo.port)])
    world.registry.write({**entry, "limits": {"rate": 1, "burst": 1}})
    agent = world.agent()
    agent.wait_applied(entry)
    watch = watching(world, agent)
    with world.entered(), pytest.raises(ConnectionRefusedError):
        for _ in range(3):
            socket.create_connection(("10.96.0.45", 7), timeout=5).close()
    refused = watch.wait(lambda row: row["event"] == "refused", "the refusal")
    assert (refused["reason"], refused["service"], refused["server"]) == ("limit_rate", "limited", "10.96.0.45:7")
    assert refused["cgroup"].endswith(world.cgroup.path.name)


def test_a_packet_that_is_refused_is_told_of(world):
    net = Net(world)
    entry = service("empty", SERVICE, 80, [])
    net.serve(entry)
    watch = watching(world, net.agent)
    client = net.socket(BACKEND)
    client.setblocking(False)
    client.connect_ex((SERVICE, 80))
    refused = watch.wait(lambda row: row["event"] == "refused", "the refusal")
    assert refused["client"].endswith(":%d" % client.getsockname()[1])
    assert (refused["service"], refused["server"], refused["device"]) == ("empty", f"{SERVICE}:80", "c0")
    assert refused["reason"] in ("forward_no_backend", "forward_refused")
