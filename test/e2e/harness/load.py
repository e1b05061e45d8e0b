# SPDX-License-Identifier: Apache-2.0
"""Traffic that goes on while something else happens: connections and flows that stay, and ones that come and go, each byte checked."""

import contextlib
import os
import socket
import threading
import time

from harness.echo import ask, family_of, read_line
from harness.process import patient

PATIENCE = patient(10)  # seconds until a connection that says nothing counts as broken


class Load:
    """`client` is the host that sends; `tcp` and `udp` are (address, port) of services, or None. What goes wrong is in `failures`, each
    with what it was: "kept" ones were there before, "new" ones were begun meanwhile. With `moves` datagrams may go to
    another backend than before, and one that was under way when its backend left may be `lost`."""

    def __init__(self, client, tcp=None, udp=None, kept=6, moves=False):
        self.client, self.failures, self.new, self.rounds, self.going = client, [], 0, 0, True
        self.moves, self.lost = moves, 0
        parts = []
        for _ in range(kept):
            if tcp:
                connection = self._connect(tcp)
                read_line(connection)
                parts.append(("kept TCP", self._use_connection, connection))
            if udp:
                datagrams = self._datagrams(udp)
                parts.append(("kept UDP", self._use_datagrams, datagrams, ask(datagrams, None)[0]))
        if tcp:
            parts.append(("new TCP", self._begin_connections, tcp))
        if udp:
            parts.append(("new UDP", self._begin_datagrams, udp))
        self.threads = [threading.Thread(target=self._run, args=part, daemon=True) for part in parts]
        for thread in self.threads:
            thread.start()

    def _socket(self, to, kind):
        with self.client.entered():
            made = socket.socket(family_of(to[0]), kind)
        made.settimeout(PATIENCE)
        return made

    def _connect(self, to):
        made = self._socket(to, socket.SOCK_STREAM)
        try:
            made.connect(to)
        except BaseException:
            made.close()
            raise
        return made

    def _datagrams(self, to):
        made = self._socket(to, socket.SOCK_DGRAM)
        if self.moves:
            made.settimeout(1)
        made.connect(to)
        return made

    def _ask(self, datagrams, payload=b"?"):
        """The name of who answers; with `moves` None when nobody does."""
        try:
            return ask(datagrams, None, payload)[0]
        except TimeoutError:
            if not self.moves:
                raise
            self.lost += 1
            return None

    def _run(self, what, part, *arguments):
        try:
            part(*arguments)
        except (OSError, AssertionError) as error:
            self.failures.append(f"{what}: {error!r}")

    def _use_connection(self, connection):
        with connection:
            while self.going:
                payload = os.urandom(3000)
                connection.sendall(payload)
                got = b""
                while len(got) < len(payload):
                    part = connection.recv(65536)
                    assert part, "ended"
                    got += part
                assert got == payload
                self.rounds += 1
                time.sleep(0.01)

    def _use_datagrams(self, datagrams, name):
        with datagrams:
            while self.going:
                assert self._ask(datagrams, os.urandom(100)) == name or self.moves, "another backend"
                self.rounds += 1
                time.sleep(0.01)

    def _begin_connections(self, to):
        while self.going:
            try:
                with self._connect(to) as connection:
                    read_line(connection)
                self.new += 1
            except (OSError, AssertionError) as error:
                self.failures.append(f"new TCP: {error!r}")
                time.sleep(0.05)

    def _begin_datagrams(self, to):
        while self.going:
            try:
                with self._datagrams(to) as datagrams:
                    self._ask(datagrams)
                self.new += 1
                time.sleep(0.01)  # each keeps a port of a node that masquerades: faster, and they run out
            except (OSError, AssertionError) as error:
                self.failures.append(f"new UDP: {error!r}")
                time.sleep(0.05)

    def stop(self):
        """What went wrong, in order."""
        self.going = False
        for thread in self.threads:
            thread.join()
        return self.failures

    def close(self):
        with contextlib.suppress(Exception):
            self.stop()
