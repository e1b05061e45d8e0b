# SPDX-License-Identifier: Apache-2.0
"""What QUIC does with UDP: flows that last, datagrams of 1,200 bytes and more that the kernel carries many at a time, clients that change
their port, and a path whose MTU each end finds out."""

import contextlib
import os
import socket
import struct
import threading

import pytest
from harness.echo import ask, family_of
from harness.forwarded import BACKEND, BACKEND6, Net, dns
from harness.hosts import SERVICE, SERVICE6
from harness.offload import ETHTOOL_STXCSUM, switch, wrong_checksums
from harness.process import wait_until

UDP_SEGMENT, UDP_GRO = 103, 104
DATAGRAM = 1200
# level, "discover", its value "never fragment", "what is known"
PMTU = {socket.AF_INET: (socket.IPPROTO_IP, 10, 2, 14), socket.AF_INET6: (socket.IPPROTO_IPV6, 23, 2, 24)}
BOTH = pytest.mark.parametrize("address", [SERVICE, SERVICE6], ids=["IPv4", "IPv6"])


def behind(address):
    return BACKEND6 if ":" in address else BACKEND


def send_many(sender, datagrams, to=None):
    """In one call: the kernel cuts it into datagrams as late as it can."""
    control = [(socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("H", DATAGRAM))]
    sender.sendmsg([b"".join(datagrams)], control, 0, *([to] if to else []))


def receive_many(receiver):
    """The datagrams of one call, which the kernel may have put together, and who sent them."""
    payload, control, _, source = receiver.recvmsg(65536, socket.CMSG_SPACE(4))
    size = next((struct.unpack("i", data[:4])[0] for level, kind, data in control if (level, kind) == (socket.IPPROTO_UDP, UDP_GRO)),
                len(payload))
    return [payload[start:start + size] for start in range(0, len(payload), size)], source


class Server:
    """Sends back what it gets, many datagrams at a time."""

    def __init__(self, address, host):
        with host.entered():
            self.socket = socket.socket(family_of(address), socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind((address, 0))
        self.socket.settimeout(0.1)
        self.address, self.port = self.socket.getsockname()[:2]
        self.going = True
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while self.going:
            with contextlib.suppress(TimeoutError):
                datagrams, source = receive_many(self.socket)
                send_many(self.socket, datagrams, source)

    def close(self):
        self.going = False
        self.thread.join()
        self.socket.close()


def flow(net, address):
    made = net.socket(address, socket.SOCK_DGRAM)
    made.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    made.connect((address, 53))
    return made


def rounds(client, count, many=40):
    """Each time so many datagrams there and back, every byte compared; nothing is lost on the way."""
    for _ in range(count):
        sent = [os.urandom(DATAGRAM) for _ in range(many)]
        send_many(client, sent)
        got = []
        while len(got) < many:
            got += receive_many(client)[0]
        assert got == sent


# As in test_forwarding_checksums.py: False makes the node complete each checksum, and cut what it carries as one.
@BOTH
@pytest.mark.parametrize("sender_leaves_it", [True, False], ids=["partial", "complete"])
@pytest.mark.parametrize("masquerade", ["never", "always"])
def test_long_flows_of_many_datagrams_at_once_arrive_whole_both_ways(world, address, masquerade, sender_leaves_it):
    net = Net(world, f"forwarding: {{masquerade: {masquerade}}}")
    for device in ("c0", "b0"):
        switch(net.node, device, ETHTOOL_STXCSUM, 0)
    for host in (net.client, net.back):
        switch(host, "eth0", ETHTOOL_STXCSUM, sender_leaves_it)
    net.serve(dns(world.keep(Server(behind(address), net.back))))
    flows = [flow(net, address) for _ in range(4)]
    for client in flows:
        rounds(client, 20)
    assert [wrong_checksums(host) for host in (net.client, net.back)] == [0, 0]
    assert len(world.place.entries("md_tracks")) == len(flows) * (4 if masquerade == "always" else 2)


@BOTH
def test_a_client_that_changes_its_port_keeps_its_backend_with_affinity(world, address):
    net = Net(world)
    entry = dns(*[net.udp(name, behind(address)) for name in "abcdefgh"])
    net.serve(entry | {"affinity": "10m"})
    wait_until(lambda: net.agent.service("dns")["affinity_s"] == 600, "the table to say so")
    first = ask(net.socket(address, socket.SOCK_DGRAM), (address, 53), b"x" * DATAGRAM)[0]
    assert {ask(net.socket(address, socket.SOCK_DGRAM), (address, 53), b"x" * DATAGRAM)[0] for _ in range(20)} == {first}
    net.serve(entry)
    wait_until(lambda: net.agent.service("dns")["affinity_s"] == 0, "the table to say so")
    assert len({ask(net.socket(address, socket.SOCK_DGRAM), (address, 53))[0] for _ in range(40)}) > 1


def never_fragments(made):
    level, discover, never, _ = PMTU[made.family]
    made.setsockopt(level, discover, never)


def learns(made, mtu, size):
    """Sends until the kernel under the socket has heard of the MTU."""
    level, _, _, known = PMTU[made.family]

    def learned():
        with contextlib.suppress(OSError):
            made.send(b"x" * size)
        return made.getsockopt(level, known) == mtu

    wait_until(learned, f"an MTU of {mtu}", interval=0.1)


@BOTH
@pytest.mark.parametrize("masquerade", ["never", "always"])
def test_a_client_learns_the_mtu_behind_the_service(world, address, masquerade):
    net = Net(world, f"forwarding: {{masquerade: {masquerade}}}")
    net.serve(dns(net.udp("a", behind(address))))
    net.node.ip("link", "set", "b0", "mtu", "1300")
    client = net.socket(address, socket.SOCK_DGRAM)
    never_fragments(client)
    client.connect((address, 53))
    learns(client, 1300, 1400)
    client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # of a datagram that was sent before it had learned
    assert ask(client, None, b"x" * DATAGRAM)[0] == "a"


@BOTH
@pytest.mark.parametrize("masquerade", ["never", "always"])
def test_a_backend_learns_the_mtu_before_the_client(world, address, masquerade):
    net = Net(world, f"forwarding: {{masquerade: {masquerade}}}")
    with net.back.entered():
        server = world.keep(socket.socket(family_of(address), socket.SOCK_DGRAM))
    server.bind((behind(address), 0))
    server.settimeout(5)
    never_fragments(server)
    net.serve(dns(type("Echo", (), {"address": behind(address), "port": server.getsockname()[1]})))
    net.node.ip("link", "set", "c0", "mtu", "1300")
    client = net.socket(address, socket.SOCK_DGRAM)
    client.connect((address, 53))
    client.send(b"?")
    _, source = server.recvfrom(100)
    server.connect(source)
    learns(server, 1300, 1400)
    server.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    server.send(b"y" * DATAGRAM)
    assert client.recv(2000) == b"y" * DATAGRAM
