# SPDX-License-Identifier: Apache-2.0
"""Backends of a service that leave it, and clients that notice."""

import errno
import socket
import time

from harness import echo
from harness.process import patient, wait_until
from harness.registry import backend, service

V4, V6, MAPPED, PORT = "10.96.0.90", "fd00:96::90", "fd00:96::91", 90

# What an application's call says when its socket was closed for it, and what its peer's says.
CLOSED, RESET = errno.ECONNABORTED, errno.ECONNRESET
# A datagram socket that was closed for its application is no longer connected: whoever sends hears that first.
MOVED = (errno.ECONNABORTED, errno.EDESTADDRREQ)


class Shop:
    """A service with the backends `a` and `b`, in a network namespace that the host and other namespaces reach."""

    def __init__(self, world, protocol="tcp", kind="v4", **keys):
        self.world, self.protocol, self.keys = world, protocol, keys
        self.space = world.netns("backend")
        self.address = {"v4": V4, "v6": V6, "mapped": MAPPED}[kind]
        where = self.space.address6 if kind == "v6" else self.space.address
        make = world.tcp_echo if protocol == "tcp" else world.udp_echo
        self.a, self.b = (make(name, where, self.space) for name in "ab")
        self.agent = world.agent("--log-level", "debug")

    def entry(self, *backends):
        return service("shop", self.address, PORT, list(backends), self.protocol, **self.keys)

    def serve(self, *backends):
        entry = self.entry(*backends)
        self.world.registry.write(entry)
        self.agent.wait_applied(entry)

    def item(self, server, **keys):
        return backend(server.address, server.port, **keys)

    def only(self, server, **keys):
        self.serve(self.item(server, **keys))

    def socket(self, netns=None):
        kind = echo.udp_socket if self.protocol == "udp" else echo.tcp_socket
        return self.world.keep(kind(self.world, echo.family_of(self.address), netns))

    def client(self, netns=None):
        """Connected to whichever backend there is, by the service."""
        made = self.socket(netns)
        made.connect((self.address, PORT))
        return made

    def direct(self, server, netns=None):
        """Connected to the backend's own address, as any program may."""
        kind = echo.udp_socket if self.protocol == "udp" else echo.tcp_socket
        made = self.world.keep(kind(self.world, echo.family_of(server.address), netns))
        made.connect((server.address, server.port))
        return made

    def stale(self):
        return self.agent.api.get("/v1/drift")["stale_sockets"]

    def stale_row(self, server):
        rows = [row for row in self.stale()["backends"] if row["backend"] == address_of(server)]
        return rows[0] if rows else None

    def passes(self, more=1):
        """Until all sockets have been looked at that often again."""
        until = self.stale()["passes_total"] + more
        wait_until(lambda: self.agent.api.post("/v1/reconcile") and self.stale()["passes_total"] >= until, "a pass over all sockets")


def address_of(server):
    return f"[{server.address}]:{server.port}" if ":" in server.address else f"{server.address}:{server.port}"


def talks(client, payload=b"ping"):
    """TCP: what is sent comes back."""
    client.sendall(payload)
    got = b""
    while len(got) < len(payload):
        part = client.recv(len(payload) - len(got))
        assert part, "the connection has ended"
        got += part
    return got == payload


def end_of(call, timeout=15):
    """Calls until it fails; the errno, and when that was."""
    until = time.monotonic() + patient(timeout)
    while time.monotonic() < until:
        try:
            call()
        except TimeoutError:
            raise
        except OSError as error:
            return error.errno, time.monotonic()
        time.sleep(0.02)
    raise AssertionError(f"nothing failed in {patient(timeout):g} s")


def peer_error(server):
    """How a connection ended for the side that was only told."""
    server.settimeout(patient(5))
    try:
        while server.recv(65536):
            pass
    except socket.timeout:
        raise
    except OSError as error:
        return error.errno
    return 0
