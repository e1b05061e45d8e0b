# SPDX-License-Identifier: Apache-2.0
"""UDP through a service address: connected and unconnected sockets, and real clients."""

import errno
import socket

import pytest

from harness import echo
from harness.process import wait_until
from harness.registry import backend, service

V4, V6 = "10.96.0.53", "fd00:96::53"
V4_ONLY = "fd00:96::54"  # an IPv6 service address with IPv4 backends


@pytest.fixture
def names(world):
    """Two echo servers for each family, in turn."""
    servers = [world.udp_echo("a"), world.udp_echo("b")]
    servers6 = [world.udp_echo("a6", "::1"), world.udp_echo("b6", "::1")]
    services = [service("names", V4, 53, [backend(one.address, one.port) for one in servers], "udp", balancing="round_robin"),
                service("names6", V6, 53, [backend(one.address, one.port) for one in servers6], "udp", balancing="round_robin"),
                service("cross", V4_ONLY, 53, [backend(servers[0].address, servers[0].port)], "udp")]
    world.registry.write(*services)
    world.services = services
    world.agent().wait_applied(*services)
    return world


@pytest.mark.parametrize("address", [V4, V6])
def test_dig_asks_dnsmasq_by_the_service_address(world, address):
    space = world.netns("dns")
    far = world.netns("client")
    server = world.dnsmasq("answer", space)
    registered = service("dns", [V4, V6], 53, [backend(server.address, server.port), backend(server.address6, server.port)], "udp")
    world.registry.write(registered)
    world.agent().wait_applied(registered)
    for netns in (None, far):
        answer = world.client("dig", "+short", "+time=3", "+tries=1", f"@{address}", "who.test", "TXT", netns=netns)
        assert answer.stdout.strip() == '"answer"'


def test_socat_over_a_connected_socket(names):
    answer = names.client("socat", "-t", "1", "-", f"UDP4:{V4}:53", input="hello")
    assert answer.stdout in ("a hello", "b hello")


@pytest.mark.parametrize("address", [V4, V6])
def test_connected_socket_shows_the_service_as_its_peer_and_source(names, address):
    with echo.udp_socket(names, echo.family_of(address)) as client:
        client.connect((address, 53))
        assert client.getpeername()[:2] == (address, 53)
        assert echo.ask(client, None)[1] == (address, 53)


@pytest.mark.parametrize("address", [V4, V6])
def test_unconnected_socket_sees_the_service_as_the_source(names, address):
    with echo.udp_socket(names, echo.family_of(address)) as client:
        assert echo.ask(client, (address, 53))[1] == (address, 53)


@pytest.mark.parametrize("address", [V4, V6])
def test_one_unconnected_socket_keeps_one_backend(names, address):
    with echo.udp_socket(names, echo.family_of(address)) as client:
        assert len({echo.ask(client, (address, 53))[0] for _ in range(20)}) == 1


def test_different_sockets_take_turns(names):
    seen = []
    for _ in range(4):
        with echo.udp_socket(names) as client:
            seen.append(echo.ask(client, (V4, 53))[0])
    assert seen in (["a", "b"] * 2, ["b", "a"] * 2)


def test_ipv4_mapped_destination_of_an_ipv6_socket(names):
    with echo.udp_socket(names, socket.AF_INET6) as client:
        name, source = echo.ask(client, (f"::ffff:{V4}", 53))
        assert name in ("a", "b")
        assert source == (f"::ffff:{V4}", 53)


def test_connected_ipv6_socket_reaches_ipv4_backends(names):
    with echo.udp_socket(names, socket.AF_INET6) as client:
        client.connect((V4_ONLY, 53))
        assert client.getpeername()[:2] == (V4_ONLY, 53)
        assert echo.ask(client, None) == ("a", (V4_ONLY, 53))


def test_unconnected_ipv6_datagram_to_ipv4_backends_fails_at_once(names):
    """The kernel takes no IPv4-mapped address from a hook on sendmsg: an error now is better than a datagram that goes nowhere."""
    with echo.udp_socket(names, socket.AF_INET6) as client, pytest.raises(OSError) as failure:
        client.sendto(b"?", (V4_ONLY, 53))
    assert failure.value.errno == errno.ECONNREFUSED


def test_one_socket_talks_to_several_services_and_to_others(names):
    with echo.udp_socket(names, socket.AF_INET6) as client:
        plain = names.udp_echo("plain", "::1")
        for _ in range(3):
            assert echo.ask(client, (V6, 53))[1] == (V6, 53)
            assert echo.ask(client, (f"::ffff:{V4}", 53))[1] == (f"::ffff:{V4}", 53)
            assert echo.ask(client, ("::1", plain.port)) == ("plain", ("::1", plain.port))


def test_sendmsg_with_ancillary_data(names):
    with echo.udp_socket(names) as client:
        client.sendmsg([b"?"], [(socket.IPPROTO_IP, socket.IP_TTL, (64).to_bytes(4, "little"))], 0, (V4, 53))
        answer, _, _, source = client.recvmsg(100)
        assert (answer[1:], source) == (b" ?", (V4, 53))


def test_socket_moves_on_when_its_backend_is_drained(names):
    with echo.udp_socket(names) as client:
        first = echo.ask(client, (V4, 53))[0]
        changed = dict(names.services[0])
        changed["backends"] = [dict(one) for one in changed["backends"]]
        changed["backends"]["ab".index(first)]["state"] = "drain"
        names.registry.write(changed, *names.services[1:])
        other = {"a": "b", "b": "a"}[first]
        wait_until(lambda: echo.ask(client, (V4, 53))[0] == other, "the socket to leave a backend that takes no more traffic")


def test_connected_socket_reconnects_elsewhere(names):
    plain = names.udp_echo("plain")
    with echo.udp_socket(names) as client:
        client.connect((V4, 53))
        echo.ask(client, None)
        client.connect((plain.address, plain.port))
        assert client.getpeername() == (plain.address, plain.port)
        assert echo.ask(client, None) == ("plain", (plain.address, plain.port))


def test_same_port_for_tcp_and_udp(world):
    datagrams, stream = world.udp_echo("datagrams"), world.tcp_echo("stream")
    both = {"name": "both", "address": V4,
            "ports": [{"name": "udp", "port": 53, "protocol": "udp"}, {"name": "tcp", "port": 53, "protocol": "tcp"}],
            "backends": [{"address": "127.0.0.1", "ports": {"udp": datagrams.port, "tcp": stream.port}}]}
    world.registry.write(both)
    world.agent().wait_applied(both)
    assert echo.who(world, V4, 53) == "stream"
    with echo.udp_socket(world) as client:
        assert echo.ask(client, (V4, 53))[0] == "datagrams"
