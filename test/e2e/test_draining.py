# SPDX-License-Identifier: Apache-2.0
"""Backends that leave: what becomes of the sockets that are connected to them."""

import errno
import json
import socket
import threading
import time

import pytest

from harness import echo
from harness.drain import CLOSED, MOVED, PORT, RESET, Shop, end_of, peer_error, talks
from harness.echo import ask, read_line
from harness.line import Line, talk
from harness.netns import Bridge
from harness.process import wait_until
from harness.registry import backend

KINDS = ["v4", "v6", "mapped"]


def greeted(client):
    return read_line(client)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("apart", [False, True], ids=["host", "namespace"])
def test_tcp_to_a_removed_backend_is_reset_at_the_deadline_and_not_before(world, kind, apart):
    shop = Shop(world, kind=kind, drain={"deadline": "3s"})
    shop.only(shop.a)
    netns = world.netns("client") if apart else None
    client = shop.client(netns)
    assert greeted(client) == "a"
    begun = time.monotonic()
    shop.only(shop.b)
    with shop.client(netns) as other:
        assert greeted(other) == "b"  # new ones go elsewhere at once
    error, at = end_of(lambda: talks(client))
    assert error == CLOSED
    assert 3 <= at - begun < 8


def test_both_ends_hear_of_a_real_reset(world):
    shop = Shop(world, drain={"deadline": "1s"})
    with shop.space.entered():
        listener = world.keep(socket.create_server((shop.space.address, 0)))
    shop.serve(backend(*listener.getsockname()))
    client = shop.client()
    server, _ = listener.accept()
    world.keep(server)
    talk(client, server)
    shop.serve()
    client.settimeout(10)
    with pytest.raises(OSError) as ended:
        client.recv(1)  # a reader that waits is woken
    assert ended.value.errno == CLOSED
    assert peer_error(server) == RESET


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("apart", [False, True], ids=["host", "namespace"])
def test_connected_udp_is_moved_at_once(world, kind, apart):
    shop = Shop(world, "udp", kind, drain={"deadline": "60s"})  # a deadline is TCP's
    shop.only(shop.a)
    client = shop.client(world.netns("client") if apart else None)
    assert ask(client, None)[0] == "a"
    shop.only(shop.b)
    error, _ = end_of(lambda: ask(client, None), 5)
    assert error in MOVED
    client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # a send that failed leaves it to the next call that receives
    client.connect((shop.address, PORT))
    client.send(b"again")
    # What the one before answered may still lie there: nobody read it before the call that failed.
    answer = next(answer for answer in iter(lambda: client.recv(100), None) if answer.endswith(b" again"))
    assert answer == b"b again"


def test_unconnected_udp_goes_elsewhere_with_its_next_datagram(world):
    shop = Shop(world, "udp")
    shop.only(shop.a)
    client = shop.socket()
    assert ask(client, (shop.address, PORT))[0] == "a"
    shop.serve(shop.item(shop.a, state="drain"), shop.item(shop.b))
    for _ in range(5):
        assert ask(client, (shop.address, PORT))[0] == "b"


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_a_socket_that_connected_to_the_backend_itself_lives(world, protocol):
    shop = Shop(world, protocol, drain={"deadline": "1s"})
    shop.only(shop.a)
    client, direct = shop.client(), shop.direct(shop.a)
    use = talks if protocol == "tcp" else (lambda one: ask(one, None))
    if protocol == "tcp":
        assert greeted(client) == greeted(direct) == "a"
    shop.only(shop.b)
    assert end_of(lambda: use(client))[0] in MOVED
    shop.passes(2)
    use(direct)
    assert shop.stale()["closed_total"] == 1


def test_a_socket_that_went_on_to_another_address_lives(world):
    shop = Shop(world, "udp")
    shop.only(shop.a)
    client = shop.client()
    client.connect((shop.b.address, shop.b.port))  # away from the service
    shop.serve()
    shop.passes(2)
    assert ask(client, None)[0] == "b"


@pytest.mark.parametrize("stop", ["stop", "kill"])
def test_a_deadline_holds_over_a_restart_of_the_agent(world, stop):
    shop = Shop(world, drain={"deadline": "7s"})
    shop.only(shop.a)
    client = shop.client()
    assert greeted(client) == "a"
    begun = time.monotonic()
    shop.only(shop.b)
    while time.monotonic() < begun + 3:
        assert talks(client)
        time.sleep(0.05)
    getattr(shop.agent, stop)()
    shop.agent.start()
    again = time.monotonic()
    error, at = end_of(lambda: talks(client))
    assert error == CLOSED
    assert at - begun >= 7
    assert at - again < 7, "the deadline began anew"


def test_what_was_removed_while_no_agent_ran_is_found(world):
    shop = Shop(world, "udp")
    shop.only(shop.a)
    client = shop.client(world.netns("client"))
    assert ask(client, None)[0] == "a"
    shop.agent.stop()
    world.registry.write(shop.entry(shop.item(shop.b)))
    assert ask(client, None)[0] == "a"
    shop.agent.start()
    assert end_of(lambda: ask(client, None))[0] in MOVED
    client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # a send that failed leaves it to the next call that receives
    client.connect((shop.address, PORT))
    assert ask(client, None)[0] == "b"


def test_a_service_that_is_removed_takes_its_sockets_with_it(world):
    shop = Shop(world, "udp")
    shop.only(shop.a)
    client = shop.client()
    assert ask(client, None)[0] == "a"
    world.registry.write()
    assert end_of(lambda: ask(client, None))[0] in MOVED


class Load:
    """Many clients that talk all the time, and note when that ended for each, and how."""

    def __init__(self, shop, count):
        self.clients = [shop.client() for _ in range(count)]
        self.names = [greeted(client) for client in self.clients]
        self.ends = [None] * count
        self.stopped = False
        self.threads = [threading.Thread(target=self._talk, args=(number,)) for number in range(count)]
        for thread in self.threads:
            thread.start()

    def _talk(self, number):
        while not self.stopped:
            try:
                assert talks(self.clients[number], b"x" * 2000)
            except (OSError, AssertionError) as error:
                self.ends[number] = (getattr(error, "errno", None), time.monotonic())
                return
            time.sleep(0.05)

    def stop(self):
        self.stopped = True
        for thread in self.threads:
            thread.join()


def test_draining_under_load_breaks_nothing_before_the_deadline(world):
    shop = Shop(world, balancing="round_robin", drain={"deadline": "4s"})
    shop.serve(shop.item(shop.a), shop.item(shop.b))
    load = Load(shop, 40)
    try:
        begun = time.monotonic()
        shop.serve(shop.item(shop.a, state="drain"), shop.item(shop.b))
        until = begun + 3
        while time.monotonic() < until:
            with shop.client() as other:
                assert greeted(other) == "b"
        assert not any(load.ends), load.ends
        to_a = [number for number, name in enumerate(load.names) if name == "a"]
        assert len(to_a) == 20
        wait_until(lambda: all(load.ends[number] for number in to_a), "the old connections to be closed")
    finally:
        load.stop()
    for number, name in enumerate(load.names):
        if name == "b":
            assert load.ends[number] is None
        else:
            assert load.ends[number][0] == CLOSED and load.ends[number][1] - begun >= 4
    wait_until(lambda: shop.stale_row(shop.a)["closed"] == 20, "them to be counted")
    assert "closed 20 sockets and 0 forwarded connections of shop:90/tcp" in shop.agent.output()
    assert 'meshd_stale_sockets_closed_total{protocol="tcp",why="drain"} 20' in shop.agent.metrics()


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_keep_keeps(world, protocol):
    shop = Shop(world, protocol, drain={"sockets": "keep"})
    shop.only(shop.a)
    client = shop.client()
    assert protocol == "udp" or greeted(client) == "a"
    use = talks if protocol == "tcp" else (lambda one: ask(one, None))
    use(client)
    for leaving in ({"state": "drain"}, {"state": "maint"}, None):
        shop.serve(*([shop.item(shop.a, **leaving)] if leaving else []), shop.item(shop.b))
        shop.passes(2)
        use(client)
    row = shop.stale_row(shop.a)
    assert (row["sockets"], row["closes_at"], row["closed"]) == (1, "", 0)


def test_tcp_lives_without_a_deadline_and_is_shown(world):
    shop = Shop(world)
    shop.only(shop.a)
    client = shop.client()
    assert greeted(client) == "a"
    shop.only(shop.b)
    shop.passes(2)
    assert talks(client)
    row = shop.stale_row(shop.a)
    assert (row["service"], row["why"], row["sockets"], row["closes_at"]) == ("shop:90/tcp", "removed", 1, "")
    shown = shop.agent.meshctl("drift").stdout
    assert "never" in shown and f"{shop.a.address}:{shop.a.port}" in shown
    client.close()
    shop.passes(2)
    assert shop.stale_row(shop.a) is None


def test_a_deadline_that_is_written_later_holds(world):
    shop = Shop(world)
    shop.only(shop.a)
    client = shop.client()
    assert greeted(client) == "a"
    shop.only(shop.b)
    shop.passes()
    assert talks(client)
    shop.keys["drain"] = {"deadline": "1s"}
    shop.only(shop.b)
    assert end_of(lambda: talks(client))[0] == CLOSED


def test_maintenance_closes_at_once(world):
    shop = Shop(world, drain={"deadline": "1h"})
    shop.only(shop.a)
    client = shop.client()
    assert greeted(client) == "a"
    shop.serve(shop.item(shop.a, state="maint"), shop.item(shop.b))
    assert end_of(lambda: talks(client), 5)[0] == CLOSED
    with shop.client() as other:
        assert greeted(other) == "b"


def test_a_backend_that_comes_back_keeps_its_sockets(world):
    shop = Shop(world, drain={"deadline": "3s"})
    shop.only(shop.a)
    client = shop.client()
    assert greeted(client) == "a"
    shop.only(shop.b)
    shop.only(shop.a)  # with another id than the client's socket remembers
    time.sleep(4)
    shop.passes(2)
    assert talks(client)
    assert shop.stale()["closed_total"] == 0


def test_a_connection_that_is_not_open_yet_ends_too(world):
    shop = Shop(world)
    hole = backend(Bridge.address(126), 9)  # nobody answers for it
    shop.serve(hole)
    client = shop.socket()
    client.setblocking(False)
    assert client.connect_ex((shop.address, PORT)) == errno.EINPROGRESS
    shop.serve({**hole, "state": "maint"}, shop.item(shop.b))
    wait_until(lambda: client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == CLOSED, "connect() to fail", 5)


def test_a_pair_on_the_short_way_is_closed_as_others_are(world):
    line = Line(world)
    with line.connection() as (client, server):
        talk(client, server)
        before = line.top()["bytes_short"]
        talk(client, server)
        assert line.top()["bytes_short"] > before
        line.entry["backends"][0]["state"] = "maint"
        world.registry.write(line.entry)
        client.settimeout(10)
        with pytest.raises(OSError) as ended:
            client.recv(1)
        assert ended.value.errno == CLOSED
        assert peer_error(server) == RESET


def test_without_socket_storage_in_lists_records_of_flows_tell_of_tcp(world, monkeypatch):
    monkeypatch.setenv("MESHD_TEST_NO_STORAGE_LISTS", "1")
    shop = Shop(world, drain={"deadline": "1s"})
    wait_until(lambda: [item["feature"] for item in shop.agent.status()["degraded"]] == ["stale sockets"], "the agent to say so")
    shop.only(shop.a)
    client, direct = shop.client(), shop.direct(shop.a)
    assert greeted(client) == greeted(direct) == "a"
    shop.only(shop.b)
    assert end_of(lambda: talks(client))[0] == CLOSED
    shop.passes()
    assert talks(direct)


def test_programs_end_sockets_where_sock_diag_does_not(world, monkeypatch):
    monkeypatch.setenv("MESHD_TEST_NO_SOCK_DESTROY", "1")
    shop = Shop(world, drain={"deadline": "1s"})
    way = None

    def is_tried():
        nonlocal way
        features = json.loads(shop.agent.meshctl("feature", "list", "-o", "json").stdout)["features"]
        way = next(one for one in features if one["name"] == "socket_destroy")
        return way["state"] != "idle"
    wait_until(is_tried, "sockets to be tried")
    if way["state"] == "missing":
        pytest.skip(way["detail"])
    assert way["state"] == "replaced" and not shop.agent.status()["degraded"]
    shop.only(shop.a)
    client, direct = shop.client(), shop.direct(shop.a)
    assert greeted(client) == greeted(direct) == "a"
    shop.only(shop.b)
    assert end_of(lambda: talks(client))[0] == CLOSED
    assert talks(direct)


def test_a_kernel_that_ends_no_sockets_is_told_of(world, monkeypatch):
    monkeypatch.setenv("MESHD_TEST_NO_SOCK_DESTROY", "1")
    monkeypatch.setenv("MESHD_TEST_NO_SOCKET_PROGRAMS", "1")
    shop = Shop(world, "udp")
    wait_until(lambda: "stale sockets" in [item["feature"] for item in shop.agent.status()["degraded"]], "the agent to say so")
    shop.only(shop.a)
    client = shop.client()
    assert ask(client, None)[0] == "a"
    shop.only(shop.b)
    shop.passes(2)
    assert ask(client, None)[0] == "a"
    assert shop.stale_row(shop.a)["sockets"] == 1


def test_passes_end_when_nothing_leaves(world):
    shop = Shop(world)
    shop.serve(shop.item(shop.a), shop.item(shop.b))
    wait_until(lambda: shop.stale()["passes_total"] == 1, "the pass at the start")
    for _ in range(5):
        shop.agent.api.post("/v1/reconcile")
    time.sleep(0.5)
    assert shop.stale()["passes_total"] == 1
    assert echo.who(world, shop.address, PORT) in "ab"
