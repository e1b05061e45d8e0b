# SPDX-License-Identifier: Apache-2.0
"""A hundred thousand connections to the worker's listeners that come to nothing: its memory does not grow, and it goes on working."""

import random
import socket
import ssl
import struct
import time

from harness.edge import Edge, route, web
from harness.mesh import INBOUND
from harness.process import wait_until

COUNT, AT_ONCE = 100_000, 64
GROWTH_KB = 6 * 1024


def client_hello():
    """As OpenSSL says it."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    session = context.wrap_bio(incoming, outgoing, server_hostname="shop.test")
    try:
        session.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def resident_kb(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4


class Attack:
    """Connections that say something wrong, or something right and then go, each kind in turn."""

    def __init__(self, targets):
        self.targets, self.hello, self.random = targets, client_hello(), random.Random(1)
        self.open = []

    def words(self, number):
        kind = number % 5
        if kind == 0:
            return self.random.randbytes(200)
        if kind == 1:
            return self.hello[:self.random.randrange(1, len(self.hello))]  # breaks off
        if kind == 2:
            return self.hello  # and goes when the server has done the work
        if kind == 3:
            changed = bytearray(self.hello)
            changed[self.random.randrange(5, len(changed))] ^= 1 << self.random.randrange(8)
            return bytes(changed)
        return b"GET / HTTP/1.1\r\n\r\n"

    def one(self, number):
        client = socket.create_connection(self.targets[number % len(self.targets)], 20)
        client.sendall(self.words(number))
        self.open.append(client)
        if len(self.open) < AT_ONCE:
            return
        done = self.open.pop(0)
        done.settimeout(0.002)  # what there is of an answer
        try:
            done.recv(4096)
        except OSError:
            pass
        done.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # no port waits for a minute
        done.close()

    def run(self, numbers):
        for number in numbers:
            self.one(number)

    def close(self):
        while self.open:
            self.open.pop().close()


def failed(host):
    return sum(host.figure("meshd_tls_handshakes_total", direction=way) - host.figure("meshd_tls_handshakes_total", direction=way, result="ok")
               for way in ("inbound", "edge"))


def test_memory_stays_flat(mesh):
    edge = Edge(mesh)
    edge.listener(route("*"), certificates=[edge.certify("shop", "shop.test")])
    shop = edge.host.named("shop")
    edge.start(web(shop))
    worker = edge.host.agent.worker_pid()
    attack = Attack([(edge.host.address, INBOUND), (edge.host.address, 443)])
    with edge.outside.netns.entered():
        attack.run(range(COUNT // 5))
        before, began = resident_kb(worker), time.monotonic()
        attack.run(range(COUNT // 5, COUNT))
        took = time.monotonic() - began
        attack.close()
    wait_until(lambda: failed(edge.host) >= 0.99 * COUNT, lambda: f"{COUNT} failures, there are {failed(edge.host)}", timeout=30)
    grown = resident_kb(worker) - before
    print(f"{0.8 * COUNT / took:.0f} a second, {grown} KB more than {before} KB")
    assert edge.host.agent.worker_pid() == worker
    assert grown < GROWTH_KB, f"{grown} KB more than {before} KB"
    assert edge.curl().stdout == "shop\n"
