# SPDX-License-Identifier: Apache-2.0
"""Thousands of strange packets from a neighbour: none that the policy forbids arrives, and nothing stops working."""

import contextlib
import json
import random
import socket
import threading
import time

from harness import frames
from harness.echo import read_line
from harness.forwarded import BACKEND, CLIENT, CLIENT6, NODE, NODE6, Net, web
from harness.hosts import SERVICE
from harness.policy import rule
from harness.process import wait_until

SO_RCVBUFFORCE = 33
ALLOWED, DENIED = 5000, 5001
TO4 = [NODE, NODE, NODE, "10.1.0.255", "255.255.255.255", "224.0.0.1", "10.1.0.0", "0.0.0.0"]
TO6 = [NODE6, NODE6, "ff02::1"]
COUNT = 4000
# What becomes of a datagram on its way into frames; each name is the beginning of its payload.
SHAPES = ["plain", "parts", "tiny", "turned", "twice", "options", "headers", "many", "tagged", "flipped", "cut"]


class Scan:
    """Frames of a client to its node, always the same ones for a seed."""

    def __init__(self, client, node_address, own_address, seed=20):
        self.random = random.Random(seed)
        self.node_address, self.own_address = node_address, own_address
        self.number = 0
        with client.entered():
            self.sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.sender.bind(("eth0", 0))

    def close(self):
        self.sender.close()

    def run(self, count, port=None):
        for _ in range(count):
            for frame in self.frames(port or self.random.choice([ALLOWED, DENIED, DENIED])):
                # A frame that is too short for its device, or too long.
                with contextlib.suppress(OSError):
                    self.sender.send(frame)

    def frames(self, port):
        draw = self.random
        self.number += 1
        shape = draw.choice(SHAPES)
        is_v6 = draw.random() < 0.4
        own, to = (CLIENT6, draw.choice(TO6)) if is_v6 else (CLIENT, draw.choice(TO4))
        if shape == "headers" or shape == "many":
            is_v6, own, to = True, CLIENT6, draw.choice(TO6)
        if shape == "options":
            is_v6, own, to = False, CLIENT, draw.choice(TO4)
        protocol = frames.UDP if draw.random() < 0.8 else frames.TCP
        ports = (20000 + self.number % 20000, port)
        if protocol == frames.UDP:
            inside = frames.udp(own, to, ports, f"{shape} {self.number} ".encode() + b"." * draw.randrange(200))
        else:
            inside = frames.tcp(own, to, ports)
        packets = self.packets(shape, is_v6, own, to, protocol, inside)
        tags = draw.choice([(0,), (0, 0), (0, 0, 0), (5,), (0, 5)]) if shape == "tagged" else ()
        link = self.node_address if to in (NODE, NODE6, "0.0.0.0", "10.1.0.0") else b"\xff" * 6
        return [frames.ethernet(link, self.own_address, packet, tags) for packet in packets]

    def packets(self, shape, is_v6, own, to, protocol, inside):
        draw = self.random
        if shape in ("parts", "tiny", "turned", "twice"):
            first = 8 if shape == "tiny" else 8 * draw.randrange(1, 5)
            sizes = [first] + [8 * draw.randrange(1, 4) for _ in range(draw.randrange(2))]
            while sum(sizes) >= len(inside):
                sizes.pop()
            make = frames.fragments6 if is_v6 else frames.fragments4
            parts = make(own, to, protocol, inside, self.number, sizes)
            if shape == "turned":
                draw.shuffle(parts)
            return parts + parts[:1] if shape == "twice" else parts
        if shape in ("headers", "many"):
            count = draw.randrange(1, 6) if shape == "headers" else draw.randrange(7, 12)
            kinds = [draw.choice([0, 60, 60, 43, frames.FRAGMENT]) for _ in range(count)]
            kinds = [kind if kind or not at else 60 for at, kind in enumerate(kinds)]  # hop by hop stands first
            made = [(kind, frames.fragment_header(0, 0, self.number) if kind == frames.FRAGMENT else
                     bytes([0, 4, draw.randrange(2) if kind == 43 else 0, 0, 0, 0, 0] if kind == 43 else [0, 1, 4, 0, 0, 0, 0]))
                    for kind in kinds]
            return [frames.ipv6(own, to, *frames.extended(made, protocol, inside))]
        options = draw.choice([b"\1" * 4, b"\1" * 40, b"\7\7\4" + b"\0" * 5, b"\x94\4\0\0"]) if shape == "options" else b""
        packet = frames.ipv6(own, to, protocol, inside) if is_v6 else frames.ipv4(own, to, protocol, inside, options=options)
        if shape == "flipped":
            packet = bytearray(packet)
            for _ in range(draw.randrange(1, 4)):
                packet[draw.randrange(min(len(packet), 64))] = draw.randrange(256)
            if not is_v6:  # or all would end at the checksum
                packet[10:12] = b"\0\0"
                packet[10:12] = frames.checksum(bytes(packet[:20])).to_bytes(2, "big")
                packet[26:28] = b"\0\0"
        return [bytes(packet[:draw.randrange(1, len(packet))] if shape == "cut" else packet)]


class Listeners:
    """What arrives at the node on one port: datagrams, and connections that clients were answered for."""

    def __init__(self, net, port):
        with net.node.entered():
            self.sockets = [socket.socket(family, socket.SOCK_DGRAM) for family in (socket.AF_INET, socket.AF_INET6)]
            self.listeners = [socket.create_server(("0.0.0.0", port), backlog=5000),
                              socket.create_server(("::", port), family=socket.AF_INET6, backlog=5000)]
        self.sockets[1].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        for one, address in zip(self.sockets, ("0.0.0.0", "::")):
            one.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 25)
            one.bind((address, port))
            one.setblocking(False)

    def take(self):
        """The shapes of all datagrams since the last call."""
        seen = []
        for one in self.sockets:
            with contextlib.suppress(BlockingIOError):
                while True:
                    seen.append(one.recv(4096).split(b" ")[0].decode(errors="replace"))
        return seen

    def close(self):
        for one in self.sockets + self.listeners:
            one.close()


class Answers:
    """SYN-ACKs that come back to the client, by the port that they come from."""

    def __init__(self, client):
        with client.entered():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.bind(("eth0", 3))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 25)
        self.socket.settimeout(0.2)
        self.ports, self.over = set(), threading.Event()
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self):
        while not self.over.is_set():
            with contextlib.suppress(TimeoutError):
                data, origin = self.socket.recvfrom(2048)
                if origin[2] == socket.PACKET_OUTGOING:
                    continue
                at = 34 if data[12:14] == b"\x08\0" else 54 if data[12:14] == b"\x86\xdd" else 0
                if at and data[23 if at == 34 else 20] == frames.TCP and data[at + 13] & 0x12 == 0x12:
                    self.ports.add(int.from_bytes(data[at:at + 2], "big"))

    def close(self):
        self.over.set()
        self.thread.join()
        self.socket.close()


def link_address(host, device):
    return bytes.fromhex(json.loads(host.ip("-j", "link", "show", device).stdout)[0]["address"].replace(":", ""))


def test_nothing_that_is_forbidden_arrives(world):
    settings = "policy: {{default: deny, mode: {}}}\n"
    net = Net(world, settings.format("audit"))
    echo = net.tcp("a")
    net.serve(web(echo))
    world.registry.replace(json.dumps({"policies": [rule("port", "allow", port=ALLOWED), rule("web", "allow", service="web")]}), "policy")
    wait_until(lambda: len(net.agent.api.get("/v1/policy")["rules"]) == 2, "the rules")
    allowed, denied = world.keep(Listeners(net, ALLOWED)), world.keep(Listeners(net, DENIED))
    answers = world.keep(Answers(net.client))
    began = time.monotonic()

    def scan():
        made = Scan(net.client, link_address(net.node, "c0"), link_address(net.client, "eth0"))
        with contextlib.closing(made):
            made.run(COUNT)
        time.sleep(0.3)
        return set(allowed.take()), set(denied.take())

    # In audit mode, to see what a receiver takes of all this.
    got_allowed, got_denied = scan()
    assert {"plain", "parts", "turned", "twice", "options", "headers", "many", "tagged"} <= got_denied, got_denied
    assert got_allowed and DENIED in answers.ports
    answers.ports.clear()

    net.agent.file.write_text(net.agent.file.read_text().replace("mode: audit", "mode: enforce"), encoding="utf-8")
    net.agent.reload()
    wait_until(lambda: net.agent.api.get("/v1/policy")["mode"] == "enforce", "enforcement")
    time.sleep(0.2)
    denied.take(), allowed.take(), answers.ports.clear()
    got_allowed, got_denied = scan()
    assert got_denied == set()
    assert {"plain", "parts", "twice", "options", "headers"} <= got_allowed, got_allowed
    assert ALLOWED in answers.ports and DENIED not in answers.ports
    events = net.agent.status()["events"]
    assert events["policy_unread"] > 0 and events["policy_denied"] > 0, events
    assert time.monotonic() - began < 20

    # Nothing is wedged.
    for address in (SERVICE,):
        with net.connect(address) as connection:
            assert read_line(connection) == "a"
    assert echo.address == BACKEND
    with net.connect(NODE, ALLOWED):
        pass
    net.agent.wait_status(lambda now: now["state"] != "starting", "an agent that answers")
