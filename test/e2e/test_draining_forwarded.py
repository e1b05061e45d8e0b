# SPDX-License-Identifier: Apache-2.0
"""Backends that leave: what becomes of the connections of others that are forwarded to them."""

import socket
import time

import pytest

from harness.drain import RESET, end_of, talks
from harness.echo import ask, read_line
from harness.hosts import SERVICE
from harness.process import wait_until
from harness.registry import backend, service
from harness.forwarded import Net, dns, web


def stale(net):
    return net.agent.api.get("/v1/drift")["stale_sockets"]


@pytest.mark.parametrize("settings", ["", "forwarding: {masquerade: always}"], ids=["plain", "masqueraded"])
def test_forwarded_udp_goes_elsewhere_at_once(world, settings):
    net = Net(world, settings)
    a, b = net.udp("a"), net.udp("b")
    net.serve(dns(a))
    client = net.socket(SERVICE, socket.SOCK_DGRAM)
    client.connect((SERVICE, 53))
    for _ in range(3):
        assert ask(client, None)[0] == "a"
    net.serve(dns(b))
    wait_until(lambda: stale(net)["forwarded_closed_total"] == 1, "the connection to be forgotten")
    assert ask(client, None)[0] == "b"


@pytest.mark.parametrize("settings", ["", "forwarding: {masquerade: always}"], ids=["plain", "masqueraded"])
def test_forwarded_tcp_is_reset_at_the_deadline_and_not_before(world, settings):
    net = Net(world, settings)
    a, b = net.tcp("a"), net.tcp("b")
    net.serve(web(a, drain={"deadline": "3s"}))
    client = net.connect(SERVICE)
    assert read_line(client) == "a"
    begun = time.monotonic()
    net.serve(service("web", SERVICE, 80, [backend(a.address, a.port, state="drain"), backend(b.address, b.port)],
                      drain={"deadline": "3s"}))
    assert net.who() == "b"
    error, at = end_of(lambda: talks(client))
    assert error == RESET
    assert at - begun >= 3
    assert stale(net)["forwarded_closed_total"] == 1
    row, = stale(net)["backends"]
    assert (row["why"], row["closed"], row["forwarded"]) == ("drain", 1, 0)


def test_forwarded_tcp_lives_without_a_deadline(world):
    net = Net(world)
    a, b = net.tcp("a"), net.tcp("b")
    net.serve(web(a))
    client = net.connect(SERVICE)
    assert read_line(client) == "a"
    net.serve(web(b))
    wait_until(lambda: [row["forwarded"] for row in stale(net)["backends"]] == [1], "it to be found")
    assert talks(client)
    assert stale(net)["forwarded_closed_total"] == 0
