# SPDX-License-Identifier: Apache-2.0
"""A node whose services are encrypted, and this process in the place of its worker, which is stopped meanwhile: it takes connections
from the agent's listeners."""

import contextlib
import ctypes
import ipaddress
import json
import os
import signal
import socket
import struct

from harness.agent import override
from harness.echo import TcpEcho, family_of
from harness.hosts import SERVICE, SERVICE6, Hosts, NodeAgent
from harness.process import freeze, patient, wait_until
from harness.registry import backend, service

OUTBOUND, INBOUND = 15001, 15008
SOL_MESHD, SO_STEERED, SO_ORIGINAL_DST = 0x6d64, 1, 80
PIDFD_GETFD = 438  # asm-generic/unistd.h
STEERED = struct.Struct("=16sHBx16sHBxIIII")  # struct md_steered
MUTUAL = {"tls": {"mode": "mutual"}}

_libc = ctypes.CDLL(None, use_errno=True)


def listeners_of(pid, port):
    """Sockets of a process that listen on a port, as this process' own."""
    pidfd = os.pidfd_open(pid)
    found = []
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                if not os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:"):
                    continue
            copy = _libc.syscall(PIDFD_GETFD, pidfd, int(name), 0)
            if copy < 0:
                continue
            made = socket.socket(fileno=copy)
            if (made.type == socket.SOCK_STREAM and made.family in (socket.AF_INET, socket.AF_INET6) and made.getsockname()[1] == port
                    and made.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)):
                found.append(made)
            else:
                made.close()
    finally:
        os.close(pidfd)
    return found


def address_of(raw, port):
    address = ipaddress.ip_address(raw)
    return str(getattr(address, "ipv4_mapped", None) or address), socket.ntohs(port)


def steered(connection):
    """What the kernel says of a connection that was accepted there; None when it knows nothing."""
    try:
        answer = connection.getsockopt(SOL_MESHD, SO_STEERED, STEERED.size)
    except OSError:
        return None
    asked, asked_port, _, chosen, chosen_port, _, service_id, backend_id, identity, user = STEERED.unpack(answer)
    return {"service": address_of(asked, asked_port), "backend": address_of(chosen, chosen_port), "service_id": service_id,
            "backend_id": backend_id, "identity": identity, "user": user}


def original(connection, family):
    """As proxies ask for it; None when the kernel does not tell."""
    level, size = (socket.IPPROTO_IP, 16) if family == socket.AF_INET else (socket.IPPROTO_IPV6, 28)
    try:
        answer = connection.getsockopt(level, SO_ORIGINAL_DST, size)
    except OSError:
        return None
    raw = answer[4:8] if family == socket.AF_INET else answer[8:24]
    assert struct.unpack("=H", answer[:2])[0] == family
    return address_of(raw, struct.unpack("=H", answer[2:4])[0])


def identity_number(name):
    number = 2166136261
    for letter in name.encode():
        number = (number ^ letter) * 16777619 & 0xffffffff
    return number or 1


class _At:
    """A namespace and a cgroup."""

    def __init__(self, netns, cgroup):
        self.netns, self.cgroup, self.run = netns, cgroup, netns.run

    def enter(self):
        self.netns.enter()
        if self.cgroup:
            self.cgroup.enter()


class Encrypted:
    """The hosts of harness.hosts: an agent on the node, and services whose backends are on the host behind it or on the node.
    `home`: the agent's own cgroup; else it is that of the tests, which is not served."""

    def __init__(self, world, identities=(), settings="", tls=True, home=None, options=()):
        self.world = world
        self.hosts = world.keep(Hosts())
        self.agent = world.keep(NodeAgent(world.place, _At(self.hosts.node, home), ""))
        self.agent.options = override(self.agent.options, options)
        self.settings(identities, settings, tls)
        self.agent.start()
        self.frozen = None
        world.keep(self)

    def settings(self, identities=(), settings="", tls=True, **others):
        # Nobody reads these files: what they are for is the worker's part.
        files = {"certificate": "/nowhere/node.pem", "key": "/nowhere/node.key"}
        section = {"trust_domain": "example.org", "authorities": "/nowhere/ca.pem", **files, "outbound_port": OUTBOUND,
                   "inbound_port": INBOUND, "threads": 1, "identities": [files | one for one in identities], **others}
        self.agent.file.write_text((f"tls: {json.dumps(section)}\n" if tls else "") + settings)

    def serve(self, *entries):
        self.thaw()
        self.world.registry.write(*entries)
        self.agent.wait_applied(*entries)
        self.freeze()

    def freeze(self):
        self.frozen = self.agent.worker_pid()
        freeze(self.frozen)

    def thaw(self):
        """Without it a worker would not hear that it is to end."""
        if self.frozen:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.frozen, signal.SIGCONT)
        self.frozen = None

    close = thaw

    def far(self, address="10.2.0.2"):
        """A backend on another host."""
        return self.world.keep(TcpEcho("far", address, self.hosts.backend))

    def near(self, address="10.2.0.1"):
        """A backend on the node."""
        return self.world.keep(TcpEcho("near", address, self.hosts.node))

    def listener(self, port=OUTBOUND):
        """The agent's, with which this process plays the worker."""
        found = listeners_of(self.agent.process.pid, port)
        assert len(found) == 1, found
        found[0].settimeout(patient(5))
        return self.world.keep(found[0])

    def socket(self, address, netns=None):
        """Of a client of the mesh, on the node or in another network namespace."""
        with self.world.cgroup.entered(), (netns or self.hosts.node).entered():
            made = self.world.keep(socket.socket(family_of(address), socket.SOCK_STREAM))
        made.settimeout(patient(5))
        return made

    def connect(self, address=SERVICE, port=80, netns=None):
        made = self.socket(address, netns)
        made.connect((address, port))
        return made

    def refused(self, address=SERVICE, port=80, netns=None):
        return self.socket(address, netns).connect_ex((address, port))

    def stranger(self, address, port):
        """0, or the errno of connect() on the client's host by a socket that no mesh knows."""
        with self.hosts.client.entered():
            made = self.world.keep(socket.socket(family_of(address), socket.SOCK_STREAM))
        made.settimeout(patient(5))
        return made.connect_ex((address, port))

    def count(self, reason):
        return self.agent.status()["events"][reason]

    def wait_count(self, reason, number):
        wait_until(lambda: self.count(reason) >= number, lambda: f"{number} {reason}, there are {self.count(reason)}")

    def programs(self):
        return {one["name"] for one in self.agent.status()["programs"] if one["attached"]}


def web(*echoes, **keys):
    return service("web", [SERVICE, SERVICE6], 80, [backend(echo.address, echo.port) for echo in echoes], **MUTUAL | keys)
