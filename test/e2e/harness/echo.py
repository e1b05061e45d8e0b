# SPDX-License-Identifier: Apache-2.0
"""Backends inside the test's own process that say which one they are, and clients to ask them."""

import contextlib
import socket
import threading

from harness.process import patient


class TcpEcho:
    """Sends its name in a line to each new connection, then sends back what it gets."""

    def __init__(self, name, address="127.0.0.1", netns=None, port=0):
        self.name = name
        with netns.entered() if netns else contextlib.nullcontext():
            self._listener = socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                                                  backlog=1024)
        self.address, self.port = self._listener.getsockname()[:2]
        self.peers = []  # who connected, as the server sees it
        self._open = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, peer = self._listener.accept()
            except OSError:
                return
            self.peers.append(peer)
            self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError), connection:
            connection.sendall(f"{self.name}\n".encode())
            while data := connection.recv(65536):
                connection.sendall(data)
        self._open.discard(connection)

    def close(self):
        for one in (self._listener, *list(self._open)):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


class UdpEcho:
    """Answers each datagram with its name, a space and the datagram."""

    def __init__(self, name, address="127.0.0.1", netns=None):
        self.name = name
        with netns.entered() if netns else contextlib.nullcontext():
            self._socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 0))
        self._socket.settimeout(0.05)
        self.address, self.port = self._socket.getsockname()[:2]
        self._open = True
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while self._open:
            try:
                data, peer = self._socket.recvfrom(65536)
                self._socket.sendto(f"{self.name} ".encode() + data, peer)
            except OSError:
                continue

    def close(self):
        self._open = False
        self._thread.join()
        self._socket.close()


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def tcp_socket(world, family=socket.AF_INET, netns=None, timeout=5, protocol=0):
    """A socket of a client of the mesh, not yet connected."""
    with world.entered(netns):
        made = socket.socket(family, socket.SOCK_STREAM, protocol)
    made.settimeout(None if timeout is None else patient(timeout))
    return made


def udp_socket(world, family=socket.AF_INET, netns=None, timeout=5):
    with world.entered(netns):
        made = socket.socket(family, socket.SOCK_DGRAM)
    made.settimeout(None if timeout is None else patient(timeout))
    return made


def connect(world, address, port, netns=None):
    made = tcp_socket(world, family_of(address), netns)
    try:
        made.connect((address, port))
    except BaseException:
        made.close()
        raise
    return made


def read_line(connection):
    line = b""
    while not line.endswith(b"\n"):
        byte = connection.recv(1)
        assert byte, f"connection ended after {line!r}"
        line += byte
    return line[:-1].decode()


def who(world, address, port, netns=None):
    """The name of the backend that a new connection reaches."""
    with connect(world, address, port, netns) as connection:
        return read_line(connection)


def ask(client, target, payload=b"?"):
    """The backend's name and the source that the answer shows, for a datagram to `target` (None: the socket is connected)."""
    if target is None:
        client.send(payload)
    else:
        client.sendto(payload, target)
    answer, source = client.recvfrom(65536)
    name, _, echoed = answer.partition(b" ")
    assert echoed == payload
    return name.decode(), source[:2]
