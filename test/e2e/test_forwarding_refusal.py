# SPDX-License-Identifier: Apache-2.0
"""Clients of a service without a usable backend are told at once, by the node in the middle."""

import errno
import json
import socket
import struct
import time

import pytest
from harness.echo import TcpEcho, family_of, read_line
from harness.hosts import SERVICE, SERVICE6, Hosts, NodeAgent
from harness.offload import ETHTOOL_STXCSUM, switch, wrong_checksums
from harness.process import wait_until
from harness.registry import backend, service

SOON = 2.0  # seconds; without an answer TCP gives up after minutes


def entries(*backends):
    return [service("web", [SERVICE, SERVICE6], 80, list(backends)),
            service("dns", [SERVICE, SERVICE6], 53, list(backends), protocol="udp")]


class Net:
    def __init__(self, world, settings=""):
        self.hosts = world.keep(Hosts())
        self.agent = world.keep(NodeAgent(world.place, self.hosts.node, f'devices: ["c0", "b0"]\n{settings}')).start()
        self.world = world
        self.serve(*entries())

    def serve(self, *services):
        self.world.registry.write(*services)
        self.agent.wait_applied(*services)

    def socket(self, address, kind):
        with self.hosts.client.entered():
            made = self.world.keep(socket.socket(family_of(address), kind))
        made.settimeout(SOON)
        return made

    def connect(self, address):
        made = self.socket(address, socket.SOCK_STREAM)
        made.connect((address, 80))
        return made

    def ask(self, address, payload=b"?"):
        made = self.socket(address, socket.SOCK_DGRAM)
        made.connect((address, 53))
        made.send(payload)
        return made.recv(100)

    def count(self, reason):
        return self.agent.status()["events"].get(reason, 0)


# As in test_forwarding_checksums.py: a checksum that the sender leaves to a device is completed by the node, after the answer was made
# in the packet's place, or is complete from the start.
@pytest.mark.parametrize("sender_leaves_it", [True, False], ids=["partial", "complete"])
@pytest.mark.parametrize("address", [SERVICE, SERVICE6])
def test_a_client_is_refused_at_once(world, address, sender_leaves_it):
    net = Net(world)
    switch(net.hosts.node, "c0", ETHTOOL_STXCSUM, 0)
    switch(net.hosts.client, "eth0", ETHTOOL_STXCSUM, sender_leaves_it)
    with pytest.raises(ConnectionRefusedError):
        net.connect(address)
    for size in (0, 1, 33, 1400):
        with pytest.raises(ConnectionRefusedError):
            net.ask(address, b"q" * size)
    assert net.count("forward_refused") == 5
    assert net.count("forward_no_backend") == 0
    assert wrong_checksums(net.hosts.client) == 0


SOL_PACKET, PACKET_AUXDATA, ETH_P_ALL = 263, 8, 3
PRIORITY_TAG = 3 << 13  # no VLAN, but a priority: what has a VLAN is looked at where its own device is


def link_address(host, device):
    return bytes.fromhex(json.loads(host.run("ip", "-j", "link", "show", "dev", device).stdout)[0]["address"].replace(":", ""))


def tagged_syn(net):
    """A frame of the client's with the tag in it, as another switch or host sends it."""
    def checksum(data):
        total = sum(struct.unpack(f"!{len(data) // 2}H", data))
        return ~(total % 0xffff) & 0xffff

    ends = socket.inet_aton("10.1.0.2") + socket.inet_aton(SERVICE)
    tcp = struct.pack("!HHIIBBHHH", 40000, 80, 1000, 0, 5 << 4, 2, 64000, 0, 0)
    tcp = tcp[:16] + struct.pack("!H", checksum(ends + struct.pack("!HH", socket.IPPROTO_TCP, len(tcp)) + tcp)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0, 64, socket.IPPROTO_TCP, 0) + ends
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return link_address(net.hosts.node, "c0") + link_address(net.hosts.client, "eth0") + struct.pack("!HHH", 0x8100, PRIORITY_TAG, 0x0800) \
        + ip + tcp


def test_an_answer_keeps_the_tag(world):
    net = Net(world)
    with net.hosts.client.entered():
        raw = world.keep(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)))
        raw.bind(("eth0", ETH_P_ALL))
    raw.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    raw.settimeout(SOON)
    raw.send(tagged_syn(net))
    while True:
        frame, control, _, _ = raw.recvmsg(200, socket.CMSG_SPACE(20))
        if frame[12:14] == b"\x08\x00" and frame[23] == socket.IPPROTO_TCP and frame[26:30] == socket.inet_aton(SERVICE):
            break
    assert frame[47] == 0x14  # RST and ACK
    assert frame[42:46] == struct.pack("!I", 1001)
    assert struct.unpack("IIIHHHH", control[0][2])[5] == PRIORITY_TAG


def test_whoever_prefers_silence_says_drop(world):
    net = Net(world, "forwarding: {no_backend: drop}\n")
    with pytest.raises(TimeoutError):
        net.connect(SERVICE)
    assert net.count("forward_refused") == 0
    assert net.count("forward_no_backend") > 0
    net.agent.file.write_text('devices: ["c0", "b0"]\n')  # while the agent runs

    def refused():
        try:
            net.connect(SERVICE)
        except OSError as error:
            return error.errno == errno.ECONNREFUSED
        return False

    wait_until(refused, "the other setting")


def test_a_client_that_is_refused_is_served_when_a_backend_comes(world):
    net = Net(world)
    with pytest.raises(ConnectionRefusedError):
        net.connect(SERVICE)
    echo = world.keep(TcpEcho("a", "10.2.0.2", net.hosts.backend))
    net.serve(*entries(backend(echo.address, echo.port)))
    assert read_line(net.connect(SERVICE)) == "a"


def test_a_connection_that_loses_track_and_backend_is_reset(world):
    net = Net(world)
    echo = world.keep(TcpEcho("a", "10.2.0.2", net.hosts.backend))
    net.serve(*entries(backend(echo.address, echo.port)))
    connection = net.connect(SERVICE)
    read_line(connection)
    net.serve(*entries())
    connection.sendall(b"known connections go on")
    assert connection.recv(100)
    net.agent.stop()
    net.agent.unload()
    net.agent.start()
    net.agent.wait_applied(*entries())
    connection.settimeout(SOON)
    began = time.monotonic()
    with pytest.raises(ConnectionResetError):
        while time.monotonic() < began + SOON:
            connection.sendall(b"?")
            time.sleep(0.05)


def test_a_flood_is_not_answered_in_kind(world):
    net = Net(world)
    made = net.socket(SERVICE, socket.SOCK_DGRAM)
    began, sent = time.monotonic(), 0
    while net.count("forward_no_backend") == 0:
        for _ in range(2000):
            made.sendto(b"?", (SERVICE, 53))
        sent += 2000
        assert time.monotonic() < began + 30, f"{sent} datagrams, all answered"
    assert net.count("forward_refused") < sent
