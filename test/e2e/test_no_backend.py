# SPDX-License-Identifier: Apache-2.0
"""A service that no backend can answer for: a real errno at once, not a hang."""

import errno
import time

import pytest

from harness import echo
from harness.registry import backend, service

V4, V6 = "10.96.0.30", "fd00:96::30"
POLICIES = {"refuse": errno.ECONNREFUSED, "unreachable": errno.EHOSTUNREACH}


def publish(world, backends, protocol="tcp", **keys):
    made = service("empty", [V4, V6], 7, backends, protocol, **keys)
    world.registry.write(made)
    running = world.agent()
    running.wait_applied(made)
    return running


@pytest.mark.parametrize("address", [V4, V6])
@pytest.mark.parametrize("policy", POLICIES)
def test_connect_fails_at_once(world, policy, address):
    running = publish(world, [], when_no_backend=policy)
    began = time.monotonic()
    with pytest.raises(OSError) as failure:
        echo.connect(world, address, 7)
    assert failure.value.errno == POLICIES[policy]
    assert time.monotonic() - began < 0.5
    port = running.service("empty")["ports"][0]
    assert port["refused"] == 1
    assert running.status()["events"]["no_backend"] == 1


@pytest.mark.parametrize("address", [V4, V6])
@pytest.mark.parametrize("policy", POLICIES)
def test_sendto_fails_at_once(world, policy, address):
    publish(world, [], "udp", when_no_backend=policy)
    with echo.udp_socket(world, echo.family_of(address)) as client:
        with pytest.raises(OSError) as failure:
            client.sendto(b"?", (address, 7))
        assert failure.value.errno == POLICIES[policy]
        with pytest.raises(OSError) as failure:
            client.connect((address, 7))
        assert failure.value.errno == POLICIES[policy]


@pytest.mark.parametrize("keys", [{"weight": 0}, {"state": "drain"}, {"state": "maint"}], ids=["weight-0", "drain", "maint"])
def test_a_service_with_only_backends_out_of_use_refuses(world, keys):
    server = world.tcp_echo("one")
    publish(world, [backend("127.0.0.1", server.port, **keys)])
    with pytest.raises(ConnectionRefusedError):
        echo.connect(world, V4, 7)


def test_curl_says_connection_refused(world):
    publish(world, [])
    answer = world.curl(V4, 7, check=False)
    assert answer.returncode == 7


def test_ipv4_socket_and_only_ipv6_backends(world):
    server = world.tcp_echo("six", "::1")
    running = publish(world, [backend("::1", server.port)])
    with pytest.raises(ConnectionRefusedError):
        echo.connect(world, V4, 7)
    assert running.status()["events"]["no_backend_of_family"] == 1
    assert echo.who(world, V6, 7) == "six"


def test_a_backend_that_comes_back_is_used(world):
    server = world.tcp_echo("one")
    running = publish(world, [])
    with pytest.raises(ConnectionRefusedError):
        echo.connect(world, V4, 7)
    made = service("empty", [V4, V6], 7, [backend("127.0.0.1", server.port)])
    world.registry.write(made)
    running.wait_applied(made)
    assert echo.who(world, V4, 7) == "one"
