# SPDX-License-Identifier: Apache-2.0
"""Clear text and forwarded packets that want to reach backends of encrypted services."""

import errno
import socket

import pytest
from harness.echo import read_line
from harness.hosts import SERVICE, SERVICE6
from harness.process import wait_until
from harness.registry import service
from harness.steering import Encrypted, steered, web

REMOTE = {SERVICE: "10.2.0.2", SERVICE6: "fd02::2"}


@pytest.fixture
def node(world):
    return Encrypted(world)


@pytest.mark.parametrize("address", ["10.1.0.1", "fd01::1"])
def test_strict_refuses_clear_text_of_other_hosts(node, address):
    target = node.near(address)
    node.serve(web(target))
    assert node.stranger(address, target.port) == errno.ECONNREFUSED
    assert node.count("clear_text_refused") == 1
    # This host is trusted with itself.
    for own in (address, SERVICE6 if ":" in address else SERVICE):
        with node.connect(own, target.port if own == address else 80) as client:
            assert read_line(client) == "near"
    assert node.count("clear_text_refused") == 1 and node.count("tls_steered") == 0
    # Of a network namespace of this host the mesh encrypts: its address is another host's to the guard.
    service_address = SERVICE6 if ":" in address else SERVICE
    node.connect(service_address, netns=node.hosts.client)
    assert steered(node.listener().accept()[0])["backend"] == (address, target.port)


def test_permissive_accepts_and_counts(node):
    target = node.near("10.1.0.1")
    node.serve(web(target, tls={"mode": "mutual", "accept": "permissive"}))
    assert node.stranger("10.1.0.1", target.port) == 0
    assert node.count("clear_text_accepted") == 1 and node.count("clear_text_refused") == 0
    node.serve(web(target))
    wait_until(lambda: node.stranger("10.1.0.1", target.port) == errno.ECONNREFUSED, "it to be strict")


def test_other_ports_and_open_connections_are_not_guarded(node):
    target, other = node.near("10.1.0.1"), node.near("10.1.0.1")
    node.serve(web(target, tls={"mode": "off"}))
    with node.hosts.client.entered(), socket.create_connection(("10.1.0.1", target.port), 5) as before:
        assert read_line(before) == "near"
        node.serve(web(target))
        wait_until(lambda: node.stranger("10.1.0.1", target.port) == errno.ECONNREFUSED, "it to be strict")
        before.sendall(b"on")
        assert before.recv(10) == b"on"
    assert node.stranger("10.1.0.1", other.port) == 0


def test_the_guard_outlives_the_agent_and_unload_removes_it(node):
    target = node.near("10.1.0.1")
    node.serve(web(target))
    node.thaw()
    node.agent.kill()
    assert node.stranger("10.1.0.1", target.port) == errno.ECONNREFUSED
    node.agent.start()
    node.agent.wait_applied(web(target))
    assert node.stranger("10.1.0.1", target.port) == errno.ECONNREFUSED
    node.agent.stop()
    node.agent.unload()
    assert node.stranger("10.1.0.1", target.port) == 0


@pytest.mark.parametrize("address", [SERVICE, SERVICE6])
def test_forwarded_packets_are_refused(world, address):
    node = Encrypted(world, settings='devices: ["c0", "b0"]\n')
    target = node.far(REMOTE[address])
    node.serve(web(target))
    assert node.stranger(address, 80) == errno.ECONNREFUSED
    assert node.count("forward_tls") == 1
    node.serve(web(target, tls={"mode": "originate"}))
    assert node.stranger(address, 80) == errno.ECONNREFUSED
    assert node.count("forward_tls") == 2
    node.serve(web(target, tls={"mode": "off"}))
    wait_until(lambda: node.stranger(address, 80) == 0, "packets to be forwarded")


def test_plain_services_and_datagrams_are_as_ever(node):
    target, plain = node.far(), node.far()
    names = node.world.udp_echo("names", "10.2.0.2", node.hosts.backend)
    node.serve(web(target), {**web(plain, tls={"mode": "off"}), "name": "plain", "addresses": ["10.96.0.11"]},
               service("dns", "10.96.0.12", 53, [{"address": names.address, "port": names.port}], "udp"))
    with node.connect("10.96.0.11") as client:
        assert read_line(client) == "far" and client.getpeername() == ("10.96.0.11", 80)
    with node.world.cgroup.entered(), node.hosts.node.entered(), socket.socket(type=socket.SOCK_DGRAM) as asker:
        asker.settimeout(5)
        asker.sendto(b"?", ("10.96.0.12", 53))
        assert asker.recvfrom(100) == (b"names ?", ("10.96.0.12", 53))
    assert node.count("tls_steered") == 0 and target.peers == []
