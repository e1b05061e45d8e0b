# SPDX-License-Identifier: Apache-2.0
"""Limits of services: how many connections are open, and how many come in a second."""

import errno
import socket
import threading
import time

import pytest

from harness import echo
from harness.cgroup import mount_point
from harness.process import wait_until
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


def test_a_connect_that_fails_before_its_syn_gives_its_place_back(world):
    """No route to the backend: the hook has let it in, and TCP never begins."""
    made = service("limited", [V4, V6], 7, [backend("fd00:dead::1", 7)])
    world.registry.write({**made, "limits": {"connections": 3}})
    running = world.agent()
    running.wait_applied(made)
    kept = []
    for _ in range(3):
        client = echo.tcp_socket(world, socket.AF_INET6)
        assert client.connect_ex((V6, 7)) in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL)
        kept.append(client)
    wait_open(running, 0, timeout=30)
    for client in kept:
        client.close()


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
