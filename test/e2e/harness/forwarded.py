# SPDX-License-Identifier: Apache-2.0
"""A client, a node with an agent, and a backend in a row, and what tests of forwarded packets ask them."""

import json
import socket

from harness.echo import TcpEcho, UdpEcho, family_of, read_line
from harness.hosts import SERVICE, SERVICE6, Hosts, NodeAgent
from harness.process import patient
from harness.registry import backend, service

BACKEND, BACKEND6, NODE, NODE6, CLIENT, CLIENT6 = "10.2.0.2", "fd02::2", "10.1.0.1", "fd01::1", "10.1.0.2", "fd01::2"


class Net:
    """The hosts, an agent on the node, echoes on the backend."""

    def __init__(self, world, settings="", environment=(), devices='["c0", "b0"]'):
        self.world = world
        self.hosts = world.keep(Hosts())
        self.client, self.node, self.back = self.hosts.client, self.hosts.node, self.hosts.backend
        self.agent = world.keep(NodeAgent(world.place, self.node, f"devices: {devices}\n{settings}", environment)).start()

    def tcp(self, name, address=BACKEND, port=0):
        return self.world.keep(TcpEcho(name, address, self.back, port))

    def udp(self, name, address=BACKEND):
        return self.world.keep(UdpEcho(name, address, self.back))

    def serve(self, *entries):
        self.world.registry.write(*entries)
        self.agent.wait_applied(*entries)

    def socket(self, address, kind=socket.SOCK_STREAM, port=0):
        with self.client.entered():
            made = self.world.keep(socket.socket(family_of(address), kind))
        made.settimeout(patient(5))
        if port:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(("", port))
        return made

    def connect(self, address, port=80):
        made = self.socket(address)
        made.connect((address, port))
        return made

    def who(self, address=SERVICE, port=80):
        with self.connect(address, port) as connection:
            return read_line(connection)


def web(*echoes, address=None, **keys):
    return service("web", address or [SERVICE, SERVICE6], 80, [backend(echo.address, echo.port) for echo in echoes], **keys)


def dns(*echoes, **keys):
    return service("dns", [SERVICE, SERVICE6], 53, [backend(echo.address, echo.port) for echo in echoes], protocol="udp", **keys)


def echoes_back(connection, payload=b"x" * 20000):
    connection.sendall(payload)
    got = b""
    while len(got) < len(payload):
        got += connection.recv(65536)
    return got == payload


def programs_at(net, device):
    shown = json.loads(net.node.run("bpftool", "-j", "net", "show", "dev", device).stdout or "[]")
    return [item["name"] for part in shown for item in part.get("tc", []) if item.get("name", "").startswith("md_")]


def qdiscs(net, device):
    return [item["kind"] for item in json.loads(net.node.run("tc", "-j", "qdisc", "show", "dev", device).stdout) if item["kind"] == "clsact"]
