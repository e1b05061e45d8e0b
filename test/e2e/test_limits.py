# SPDX-License-Identifier: Apache-2.0
"""Limits of services: how many connections are open, and how many come in a second."""

import errno
import socket
import threading
import time

import pytest

from harness import echo
from harness.cgroup import mount_point
from harness.forwarded import Net, web
from harness.hosts import SERVICE
from harness.process import run, wait_until
from harness.registry import backend, service

V4, V6 = "10.96.0.45", "fd00:96::45"


def publish(world, limits, port=None):
    server = world.tcp_echo("one") if port is None else None
    made = service("limited", [V4, V6], 7, [backend("127.0.0.1", port or server.port)])
    world.registry.write({**made, "limits": limits})
    running = world.agent()
    running.wait_applied(made)
    wanted = {"connections": 0, "rate": 0, "burst": limits.get("rate", 0)} | limits
    wait_until(lambda: figures(running)["limits"] == wanted, lambda: str(figures(running)))
    return running


def figures(running):
    return running.service("limited")


def open_count(running):
    return figures(running)["ports"][0]["limited"]["open"]


def wait_open(running, count, timeout=15):
    wait_until(lambda: open_count(running) == count, lambda: f"{count} open connections, there are {open_count(running)}", timeout)


@pytest.mark.parametrize("address", [V4, V6])
def test_exactly_so_many_open_at_once(world, address):
    running = publish(world, {"connections": 5})
    clients = [echo.connect(world, address, 7) for _ in range(5)]
    with pytest.raises(ConnectionRefusedError):
        echo.connect(world, address, 7)
    assert open_count(running) == 5
    assert figures(running)["ports"][0]["limited"]["refused_connections"] == 1
    assert running.status()["events"]["limit_connections"] == 1
    clients.pop().close()
    wait_open(running, 4)
    clients.append(echo.connect(world, address, 7))
    for client in clients:
        client.close()
    wait_open(running, 0)


def test_many_at_the_same_moment_do_not_share_the_last_place(world):
    running = publish(world, {"connections": 10})
    world.cgroup.enter()
    results, sockets = [], []
    barrier = threading.Barrier(4)

    def connects():
        barrier.wait()
        for _ in range(20):
            made = socket.socket()
            results.append(made.connect_ex((V4, 7)))
            sockets.append(made)

    threads = [threading.Thread(target=connects) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (mount_point() / "cgroup.procs").write_text("0")
    assert results.count(0) == 10 and results.count(errno.ECONNREFUSED) == 70
    assert open_count(running) == 10
    for made in sockets:
        made.close()
    wait_open(running, 0)


def test_resets_failed_connects_and_killed_programs_give_their_places_back(world):
    closed = socket.create_server(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    closed.close()  # nobody listens there: each connect is answered by RST
    running = publish(world, {"connections": 50}, port)
    for _ in range(20):
        with pytest.raises(ConnectionRefusedError):
            echo.connect(world, V4, 7)
    wait_open(running, 0)
    with socket.create_server(("127.0.0.1", port)) as server:
        clients = [echo.connect(world, V4, 7) for _ in range(10)]
        wait_open(running, 10)
        for client in clients[:5]:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # RST
            client.close()
        wait_open(running, 5)
        for _ in range(10):
            peer = server.accept()[0]
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            peer.close()
        wait_open(running, 0)
        for client in clients:
            client.close()
    wait_open(running, 0)


def fails_before_its_syn(world):
    """A socket whose connect() the hook has let in, and TCP has never begun: no packet from loopback leaves the node."""
    client = echo.tcp_socket(world)
    client.bind(("127.0.0.1", 0))
    assert client.connect_ex((V4, 7)) in (errno.EINVAL, errno.ENETUNREACH)
    return client


def test_a_connect_that_fails_before_its_syn_gives_its_place_back(world):
    made = service("limited", [V4, V6], 7, [backend("203.0.113.1", 7)])
    world.registry.write({**made, "limits": {"connections": 3}})
    running = world.agent()
    running.wait_applied(made)
    kept = [fails_before_its_syn(world) for _ in range(3)]
    assert open_count(running) == 3
    wait_open(running, 0, timeout=30)
    for client in kept:
        client.close()


def test_a_socket_that_connects_elsewhere_holds_no_place(world):
    """As above, and then the same sockets connect to an address, and to a service without limits."""
    other = world.tcp_echo("other")
    limited = service("limited", [V4, V6], 7, [backend("203.0.113.1", 7)])
    free = service("free", "10.96.0.46", 7, [backend("127.0.0.1", other.port)])
    world.registry.write({**limited, "limits": {"connections": 3}}, free)
    running = world.agent()
    running.wait_applied(limited, free)
    for target in (("127.0.0.1", other.port), ("10.96.0.46", 7)):
        with fails_before_its_syn(world) as client:
            assert open_count(running) == 1
            client.connect(target)
            assert echo.read_line(client) == "other"
            assert open_count(running) == 0


def connects(world, clients):
    try:
        clients.append(echo.connect(world, V4, 7))
    except ConnectionRefusedError:
        return False
    return True


def test_counts_outlive_the_agent(world):
    running = publish(world, {"connections": 4})
    clients = [echo.connect(world, V4, 7) for _ in range(4)]
    running.kill()
    clients.pop().close()
    wait_until(lambda: connects(world, clients), "the place of the one that closed")
    with pytest.raises(ConnectionRefusedError):
        echo.connect(world, V4, 7)
    running.start()
    assert open_count(running) == 4
    for client in clients:
        client.close()
    wait_open(running, 0)


def test_the_rate_holds_over_seconds(world):
    running = publish(world, {"rate": 50, "burst": 5})
    began, passed, refused = time.monotonic(), 0, 0
    while time.monotonic() - began < 4:
        try:
            echo.connect(world, V4, 7).close()
            passed += 1
        except ConnectionRefusedError:
            refused += 1
    took = time.monotonic() - began
    assert refused > 0
    assert 5 + 50 * took * 0.95 - 2 <= passed <= 5 + 50 * took + 1, (passed, took)
    assert figures(running)["ports"][0]["limited"]["refused_rate"] == refused


def test_the_burst_comes_back(world):
    publish(world, {"rate": 5, "burst": 3})
    for _ in range(2):
        for _ in range(3):
            echo.connect(world, V4, 7).close()
        with pytest.raises(ConnectionRefusedError):
            echo.connect(world, V4, 7)
        time.sleep(0.7)


def test_forwarded_connections_are_held_to_both_limits(world):
    net = Net(world, "forwarding: {timeouts: {closing: 2s, closed: 2s}}\n")
    target = net.tcp("a")
    net.serve({**web(target), "limits": {"connections": 3}})

    def open_ones():
        return net.agent.service("web")["ports"][0]["limited"]["open"]

    clients = [net.connect(SERVICE) for _ in range(3)]
    assert [echo.read_line(client) for client in clients] == ["a"] * 3
    assert open_ones() == 3
    late = net.socket(SERVICE)
    late.settimeout(2)
    with pytest.raises(OSError):
        late.connect((SERVICE, 80))
    assert net.agent.status()["events"]["limit_connections"] >= 1
    clients.pop().close()  # a whole end, from both sides
    wait_until(lambda: open_ones() == 2, lambda: f"2 open ones, there are {open_ones()}")
    reset = clients.pop()
    reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    reset.close()
    wait_until(lambda: open_ones() == 1, lambda: f"1 open one, there are {open_ones()}")
    # One whose end nobody sees.
    net.client.ip("link", "set", "eth0", "down")
    clients.pop().close()
    run("bpftool", "map", "delete", "pinned", str(world.place.maps / "md_tracks"), "key", *request_key(world))
    wait_until(lambda: open_ones() == 0, lambda: f"no open one, there are {open_ones()}", timeout=30)


def request_key(world):
    """The key of the only forwarded connection that counts against a limit."""
    (entry,) = world.place.entries("md_open_tracks")
    return entry["key"]
