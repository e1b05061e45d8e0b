# SPDX-License-Identifier: Apache-2.0
"""TCP through a service address, with real clients and at the level of single calls."""

import errno
import http.client
import select
import socket

import pytest

from harness import echo
from harness.registry import backend, service

V4, V6 = "10.96.0.10", "fd00:96::10"
HOST = "10.96.0.11"
MSG_FASTOPEN = 0x20000000
IPPROTO_MPTCP = 262


@pytest.fixture
def web(world):
    """An nginx in a namespace behind a service of both families, one on the host behind another. `world.far` is a third namespace."""
    world.far = world.netns("c")
    world.near, world.other = world.nginx("near"), world.nginx("other", world.netns("b"))
    services = [service("web", [V4, V6], 80, [backend(address, world.other.port)
                                              for address in (world.other.address, world.other.address6)]),
                service("host", HOST, 80, [backend(world.near.address, world.near.port)])]
    world.registry.write(*services)
    world.agent().wait_applied(*services)
    return world


@pytest.mark.parametrize("address", [V4, V6])
@pytest.mark.parametrize("where", ["host", "netns"])
def test_curl_reaches_nginx_through_a_service_address(web, address, where):
    assert web.curl(address, netns=web.far if where == "netns" else None).stdout == "other\n"


def test_backend_on_the_host_is_reached_by_its_loopback(web):
    assert web.curl(HOST).stdout == "near\n"


def test_python_http_client_reaches_nginx(web):
    with web.entered():
        connection = http.client.HTTPConnection(V4, 80, timeout=5)
        connection.connect()
    for _ in range(3):
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"other\n"
    connection.close()


def test_netcat_reaches_nginx(web):
    answer = web.client("nc", "-w", "3", V4, "80", input="GET / HTTP/1.0\r\n\r\n").stdout
    assert answer.endswith("other\n")


def test_socat_reaches_nginx_over_ipv6(web):
    answer = web.client("socat", "-t", "3", "-", f"TCP6:[{V6}]:80", input="GET / HTTP/1.0\r\n\r\n").stdout
    assert answer.endswith("other\n")


def test_haproxy_as_a_client_reaches_nginx(web):
    proxy = web.haproxy(f"{V4}:80", enter=web.enter())
    assert web.curl(proxy.address, proxy.port).stdout == "other\n"


def test_an_address_that_is_no_service_is_left_alone(web):
    address, port = web.other.address, web.other.port
    assert web.curl(address, port).stdout == "other\n"
    with echo.connect(web, address, port) as connection:
        assert connection.getpeername() == (address, port)


def test_a_service_address_on_another_port_is_left_alone(web):
    with pytest.raises(OSError), echo.tcp_socket(web, netns=web.far, timeout=0.5) as connection:
        connection.connect((V4, 81))  # the namespace has no way to that address


def test_processes_outside_the_cgroup_are_left_alone(web):
    with web.far.entered(), socket.socket() as outside:
        outside.settimeout(0.5)
        with pytest.raises(OSError):
            outside.connect((V4, 80))


@pytest.fixture
def line(world):
    """One service of both families with IPv4 backends only, one that answers with a line."""
    world.server = world.tcp_echo("one")
    services = [service("line", [V4, V6], 7, [backend("127.0.0.1", world.server.port)])]
    world.registry.write(*services)
    world.running = world.agent()
    world.running.wait_applied(*services)
    return world


def test_getpeername_shows_the_service(line):
    with echo.connect(line, V4, 7) as connection:
        assert echo.read_line(connection) == "one"
        assert connection.getpeername() == (V4, 7)


def test_ipv4_mapped_ipv6_socket_reaches_the_ipv4_service(line):
    with echo.connect(line, f"::ffff:{V4}", 7) as connection:
        assert echo.read_line(connection) == "one"
        assert connection.getpeername()[:2] == (f"::ffff:{V4}", 7)


def test_ipv6_service_with_only_ipv4_backends(line):
    with echo.connect(line, V6, 7) as connection:
        assert echo.read_line(connection) == "one"
        assert connection.getpeername()[:2] == (V6, 7)


def test_ipv6_only_socket_is_told_when_only_ipv4_could_answer(line):
    connection = echo.tcp_socket(line, socket.AF_INET6)
    connection.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    with connection, pytest.raises(OSError) as failure:
        connection.connect((V6, 7))
    assert failure.value.errno in (errno.ENETUNREACH, errno.ECONNREFUSED, errno.EADDRNOTAVAIL)


def test_non_blocking_connect(line):
    with echo.tcp_socket(line) as connection:
        connection.setblocking(False)
        assert connection.connect_ex((V4, 7)) in (0, errno.EINPROGRESS)
        assert select.select([], [connection], [], 5)[1]
        assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        connection.setblocking(True)
        assert echo.read_line(connection) == "one"
        assert connection.getpeername() == (V4, 7)


def test_a_second_connect_of_a_used_socket_forgets_the_first(line):
    """connect() to AF_UNSPEC dissolves, the next peer is shown as it is."""
    with echo.udp_socket(line) as client:
        client.connect((V4, 7))
        client.connect(("127.0.0.1", line.server.port))
        assert client.getpeername() == ("127.0.0.1", line.server.port)


def test_tcp_fast_open(line):
    with echo.tcp_socket(line, timeout=None) as connection:
        assert connection.sendto(b"hello", MSG_FASTOPEN, (V4, 7)) == 5
        assert echo.read_line(connection) == "one"
        assert connection.recv(5, socket.MSG_WAITALL) == b"hello"


def test_multipath_tcp(line):
    try:
        connection = echo.tcp_socket(line, protocol=IPPROTO_MPTCP)
    except OSError as error:
        pytest.skip(f"no MPTCP in this kernel: {error}")
    with connection:
        connection.connect((V4, 7))
        assert echo.read_line(connection) == "one"


def test_a_bound_socket_keeps_its_source(line):
    with echo.tcp_socket(line) as connection:
        connection.bind(("127.0.0.5", 0))
        connection.connect((V4, 7))
        echo.read_line(connection)
        assert line.server.peers[-1] == connection.getsockname()


def test_large_transfer_arrives_whole_and_in_order(line):
    sent = b"".join(number.to_bytes(4, "big") for number in range(500_000))
    with echo.connect(line, V4, 7) as connection:
        echo.read_line(connection)
        received = bytearray()
        view = memoryview(sent)
        while len(received) < len(sent):
            readable, writable, _ = select.select([connection], [connection] if view else [], [], 5)
            assert readable or writable
            if writable:
                view = view[connection.send(view[:65536]):]
            if readable:
                received += connection.recv(1 << 20)
    assert received == sent


def test_several_ports_lead_to_their_own_backends(world):
    plain, other = world.tcp_echo("plain"), world.tcp_echo("other")
    several = {"name": "several", "address": V4, "ports": [{"name": "a", "port": 80}, {"name": "b", "port": 8080}],
               "backends": [{"address": "127.0.0.1", "ports": {"a": plain.port, "b": other.port}}]}
    world.registry.write(several)
    world.agent().wait_applied(several)
    assert echo.who(world, V4, 80) == "plain"
    assert echo.who(world, V4, 8080) == "other"


def test_sockets_from_before_the_agent_keep_working(world):
    server = world.tcp_echo("one")
    with echo.connect(world, "127.0.0.1", server.port) as before, echo.tcp_socket(world) as unconnected:
        echo.read_line(before)
        registered = service("line", V4, 7, [backend("127.0.0.1", server.port)])
        world.registry.write(registered)
        world.agent().wait_applied(registered)
        before.sendall(b"still here")
        assert before.recv(10, socket.MSG_WAITALL) == b"still here"
        assert before.getpeername() == ("127.0.0.1", server.port)
        unconnected.connect((V4, 7))  # made before the agent, connected after
        assert echo.read_line(unconnected) == "one"
