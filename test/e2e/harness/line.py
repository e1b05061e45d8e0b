# SPDX-License-Identifier: Apache-2.0
"""One service whose both ends are sockets of the test itself, on the short way or, past the service's address, on TCP."""

import contextlib
import socket

import pytest

from harness.process import patient
from harness.registry import backend, service
from harness.short_way import ShortWay

V4, V6, PORT = "10.96.0.80", "fd00:96::80", 80


class Line:
    """A service with a listener behind it, both in the agent's cgroup."""

    def __init__(self, world, *, settings="", entry=None, netns=None, ipv6=False):
        self.world, self.netns, self.address = world, netns, V6 if ipv6 else V4
        path = world.place.root / "meshd.yaml"
        path.write_text(settings)
        with world.entered(netns):
            self.listener = world.keep(socket.create_server((self.host(ipv6), 0), family=socket.AF_INET6 if ipv6 else socket.AF_INET))
        self.agent = world.agent("--config", path)
        self.short = ShortWay(world, self.agent)
        if self.short.mode == "off":
            pytest.skip("the short way is off on this kernel: " + self.short.state["reason"])
        self.entry = service("line", self.address, PORT, [backend(self.host(ipv6), self.listener.getsockname()[1])]) | (
            self.named if entry is None else entry)
        world.registry.write(self.entry)
        self.agent.wait_applied(self.entry)

    def host(self, ipv6):
        if self.netns is None:
            return "::1" if ipv6 else "127.0.0.1"
        return self.netns.address6 if ipv6 else self.netns.address

    @property
    def named(self):
        """Two programs of this test do not ask FIONREAD."""
        return {"acceleration": {"fionread": "accept"}}

    @contextlib.contextmanager
    def connection(self, netns=None, direct=False, priority=0):
        """`priority` is that of the client's socket: SO_PRIORITY."""
        with self.world.entered(netns):
            client = socket.socket(self.listener.family)
        with client:
            client.settimeout(patient(10))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, priority)
            client.connect(self.listener.getsockname()[:2] if direct else (self.address, PORT))
            server, _ = self.listener.accept()
            with server:
                server.settimeout(patient(10))
                yield client, server

    def top(self, name="line"):
        rows = {row["service"]: row for row in self.agent.api.get("/v1/acceleration/top")["services"]}
        return rows.get(name, {"bytes_short": 0, "bytes_tcp": 0, "opened": 0, "left": 0, "why_tcp": {}})

    def why(self, name="line"):
        return self.top(name)["why_tcp"]


def talk(client, server, size=1000):
    for sender, receiver in ((client, server), (server, client)):
        sender.sendall(b"x" * size)
        assert len(receive(receiver, size)) == size


def receive(reader, size):
    parts = b""
    while len(parts) < size:
        part = reader.recv(size - len(parts))
        if not part:
            break
        parts += part
    return parts


def fill(sender, message=65536):
    """Writes messages of that size until the socket takes no more. How many bytes."""
    sender.setblocking(False)
    total = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            total += sender.send(b"x" * message)
    return total
