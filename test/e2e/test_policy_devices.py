# SPDX-License-Identifier: Apache-2.0
"""The policy at devices: what comes in from outside of the mesh."""

import socket

import pytest
from harness import echo
from harness.netns import Bridge
from harness.policy import DENIED, Policy, rule, verdict, with_services


@pytest.fixture
def place(world):
    return with_services(world)


@pytest.fixture
def edge(place):
    """A namespace on the bridge, and servers at this node's address there; the bridge is a device that the agent looks at."""
    place.far = place.netns("far")
    place.policy = Policy(place, settings=f"devices: [{Bridge.NAME}]\n")
    place.here = Bridge.address(1)
    place.server = place.tcp_echo("here", place.here)
    place.names = place.udp_echo("here", place.here)
    return place


def comes_in(place, port, kind=socket.SOCK_STREAM):
    """Whether a client outside of the mesh gets an answer."""
    with place.far.entered():
        made = socket.socket(socket.AF_INET, kind)
    made.settimeout(0.7)
    with made:
        try:
            made.connect((place.here, port))
            made.send(b"?")
            return made.recv(100) != b""
        except TimeoutError:
            return False


def test_what_comes_in_by_a_device_is_dropped(edge):
    policy = edge.policy.start()
    assert comes_in(edge, edge.server.port) and comes_in(edge, edge.names.port, socket.SOCK_DGRAM)
    policy.rules(rule("no-far", "deny", {"cidr": edge.far.address}, cidr=edge.here))
    assert not comes_in(edge, edge.server.port)
    assert not comes_in(edge, edge.names.port, socket.SOCK_DGRAM)
    assert policy.hits("no-far")["denied"] >= 2
    policy.rules(rule("no-far", "deny", {"cidr": edge.far.address}, cidr=edge.here), rule("port", "allow", {"cidr": edge.far.address},
                                                                                          cidr=edge.here, port=edge.server.port))
    assert comes_in(edge, edge.server.port)
    assert not comes_in(edge, edge.names.port, socket.SOCK_DGRAM)


def test_answers_to_datagrams_of_this_node_come_in_under_default_deny(edge):
    far = edge.udp_echo("far", edge.far.address, edge.far)
    policy = edge.policy
    policy.set("deny")
    policy.start()
    policy.rules(rule("out", "allow", cidr=edge.far.address))
    with echo.udp_socket(edge) as client:
        assert echo.ask(client, (edge.far.address, far.port))[0] == "far"
    assert not comes_in(edge, edge.names.port, socket.SOCK_DGRAM)


def test_connections_that_exist_are_not_cut(edge):
    policy = edge.policy.start()
    with edge.far.entered():
        client = socket.create_connection((edge.here, edge.server.port), timeout=2)
    with client, echo.connect(edge, "127.0.0.1", edge.tcp.port) as local:
        echo.read_line(client)
        echo.read_line(local)
        policy.rules(rule("nobody", "deny"))
        for open_one in client, local:
            open_one.send(b"still\n")
        assert not comes_in(edge, edge.server.port)
        assert verdict(edge, "127.0.0.1", edge.tcp.port) == DENIED
        assert client.recv(100) == b"still\n" and local.recv(100) == b"still\n"
