# SPDX-License-Identifier: Apache-2.0
"""Checksums of forwarded packets, where each is complete before a receiver looks at it, and where the kernel completes it later."""

import socket

import pytest
from harness.echo import TcpEcho, UdpEcho, ask, family_of, read_line
from harness.hosts import SERVICE, SERVICE6, Hosts, NodeAgent
from harness.offload import ETHTOOL_STXCSUM, switch, wrong_checksums
from harness.registry import backend, service

# True: a device says that it completes checksums, so the stack hands over packets whose field holds only part of the sum, here from
# sender to receiver, who does not look. False: the node completes what it sends, and the receiver checks it.
@pytest.mark.parametrize("sender_leaves_it", [True, False], ids=["partial", "complete"])
@pytest.mark.parametrize("masquerade", ["never", "always"])
def test_receivers_find_every_checksum_right(world, masquerade, sender_leaves_it):
    hosts = world.keep(Hosts())
    for device in ("c0", "b0"):
        switch(hosts.node, device, ETHTOOL_STXCSUM, 0)
    for host in (hosts.client, hosts.backend):
        switch(host, "eth0", ETHTOOL_STXCSUM, sender_leaves_it)
    agent = world.keep(NodeAgent(world.place, hosts.node, f'devices: ["c0", "b0"]\nforwarding: {{masquerade: {masquerade}}}\n')).start()
    tcp = [world.keep(TcpEcho("a", address, hosts.backend, 0)) for address in ("10.2.0.2", "fd02::2")]
    udp = [world.keep(UdpEcho("b", address, hosts.backend)) for address in ("10.2.0.2", "fd02::2")]
    entries = [service("web", [SERVICE, SERVICE6], 80, [backend(one.address, one.port) for one in tcp]),
               service("dns", [SERVICE, SERVICE6], 53, [backend(one.address, one.port) for one in udp], protocol="udp")]
    world.registry.write(*entries)
    agent.wait_applied(*entries)
    payload = bytes(range(256)) * 2000
    for address in (SERVICE, SERVICE6):
        with hosts.client.entered():
            connection = world.keep(socket.create_connection((address, 80), timeout=10))
            datagrams = world.keep(socket.socket(family_of(address), socket.SOCK_DGRAM))
        datagrams.settimeout(10)
        assert read_line(connection) == "a"
        got = b""
        for start in range(0, len(payload), 32000):
            part = payload[start:start + 32000]
            connection.sendall(part)
            got += _read(connection, len(part))
        assert got == payload
        assert ask(datagrams, (address, 53), b"what?")[0] == "b"
    assert [wrong_checksums(host) for host in (hosts.client, hosts.backend)] == [0, 0]


def _read(connection, size):
    got = b""
    while len(got) < size:
        part = connection.recv(65536)
        assert part
        got += part
    return got
