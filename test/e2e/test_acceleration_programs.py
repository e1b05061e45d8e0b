# SPDX-License-Identifier: Apache-2.0
"""Real programs under load through the short way: every byte is right, nobody waits for bytes that are there, and the short way
was taken.

MESHD_PROXY_TRANSFERS says how many transfers the tests of an nginx as a proxy make (default 400 each)."""

import asyncio
import fcntl
import hashlib
import json
import os
import random
import socket
import struct
import termios
import threading

import pytest

from harness import programs, servers
from harness.place import build_directory
from harness.process import wait_until
from harness.registry import backend, service
from harness.short_way import ShortWay

FRONT, BACK = "10.96.0.60", "10.96.0.61"
PROXY_TRANSFERS = int(os.environ.get("MESHD_PROXY_TRANSFERS", "400"))
LONGEST_WAIT_MS = 1000
DATABASE = "postgres"
SMALL = [1, 100, 4095, 4096, 20_000, 65_537, 131_072, 300_001, 700_000, 1_000_000]
LARGE = [9_000_000, 13_000_001]  # more than TCP holds for a reader that does not read


@pytest.fixture
def short(world):
    """An agent without services. Everything that the tests start is in its cgroup, servers too."""
    world.short = ShortWay(world, world.agent())
    return world


def start(world, kind, label, *arguments, **keys):
    return world.keep(kind(world.place.root / label, *arguments, enter=world.enter(), **keys))


def behind(name, address, port, server):
    return service(name, address, port, [backend(server.address, server.port)])


def files_of(world, sizes=SMALL, seed=1):
    return programs.random_files(world.place.root / "files", sizes, seed)


def fetch(world, files, *options, timeout=60):
    """bench-fetch compares every byte with the file."""
    done = world.client(build_directory() / "bench-fetch", "--to", f"{FRONT}:80", *options,
                        *(f"/{name}={path}" for name, path in files.items()), timeout=timeout, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["longest_wait_ms"] < LONGEST_WAIT_MS, outcome
    return outcome


@pytest.mark.parametrize("sendfile", [True, False], ids=["sendfile", "no sendfile"])
def test_nginx_sends_files(short, sendfile):
    files = files_of(short, SMALL + LARGE)
    server = start(short, programs.NginxFiles, "nginx", short.place.root / "files", sendfile=sendfile)
    short.short.publish(behind("files", FRONT, 80, server), trusts_fionread=True)
    for name, path in files.items():
        with short.entered():
            assert fetched_sha256(name) == hashlib.sha256(path.read_bytes()).hexdigest()
    assert fetch(short, files, "--transfers", 1000)["transfers"] == 1000
    slow = fetch(short, files, "--transfers", 300, "--per-connection", 3, "--slow", 16, "--pause-us", 500, "--piece", 30000)
    assert slow["transfers"] == 300
    short.short.assert_taken()


def fetched_sha256(name):
    """By a client that reads as much as there is, up to the end of the connection."""
    digest = hashlib.sha256()
    with socket.create_connection((FRONT, 80), timeout=10) as connection:
        connection.sendall(f"GET /{name} HTTP/1.0\r\n\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            got = connection.recv(65536)
            assert got, f"the answer ended after {head!r}"
            head += got
        digest.update(head.partition(b"\r\n\r\n")[2])
        while got := connection.recv(1 << 20):
            digest.update(got)
    return digest.hexdigest()


@pytest.mark.parametrize("clients", ["fast", "slow", "mixed", "fixed buffer"])
@pytest.mark.parametrize("buffering", [True, False], ids=["buffered", "unbuffered"])
def test_nginx_as_a_proxy_never_stalls(short, clients, buffering):
    """nginx asks FIONREAD whether there is more to read, and sleeps until an edge when there is not."""
    options = {"fast": [], "slow": ["--slow", 32, "--piece", 16384, "--pause-us", 500],
               "mixed": ["--slow", 16, "--piece", 16384, "--pause-us", 1000],
               # As small as a buffer may be where connections leave for good.
               "fixed buffer": ["--slow", 32, "--piece", 8192, "--receive-buffer", 65536]}[clients]
    files = files_of(short, SMALL + LARGE)
    server = start(short, programs.NginxFiles, "nginx", short.place.root / "files")
    proxy = start(short, programs.NginxProxy, "proxy", f"{BACK}:80", buffering=buffering)
    short.short.publish(behind("front", FRONT, 80, proxy), behind("files", BACK, 80, server), trusts_fionread=True)
    outcome = fetch(short, files, "--transfers", PROXY_TRANSFERS, "--per-connection", 20, *options,
                    timeout=60 + PROXY_TRANSFERS / 5)
    assert outcome["transfers"] == PROXY_TRANSFERS
    short.short.assert_taken()


def unread(connection):
    """As FIONREAD has it."""
    return struct.unpack("i", fcntl.ioctl(connection, termios.FIONREAD, bytes(4)))[0]


def test_what_is_unread_counts_when_both_ends_have_closed(short):
    """TCP is done with the client's socket, while bytes that came either way still wait in it."""
    with short.entered(), socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)  # so little waits to be sent that TCP can bring all of it
        entry = service("line", FRONT, 80, [backend(*listener.getsockname())])
        short.short.publish(entry, trusts_fionread=True)
        with socket.create_connection((FRONT, 80)) as client:
            server, _ = listener.accept()
            client.shutdown(socket.SHUT_WR)
            server.setblocking(False)
            sent = 0
            try:
                while True:
                    sent += server.send(bytes(4096))
            except BlockingIOError:
                server.close()
            wait_until(lambda: client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) == b"\x07", "TCP to be done", timeout=5)
            got = 0
            while got < sent:
                wait_until(lambda: unread(client) > 0, lambda: f"byte {got} of {sent} to be counted", timeout=1)
                got += len(client.recv(65536))
            assert (got, client.recv(1)) == (sent, b"")
    short.short.assert_taken()


@pytest.mark.parametrize("splice", [False, True], ids=["copy", "splice"])
@pytest.mark.parametrize("mode", ["tcp", "http"])
def test_haproxy_between_client_and_nginx(short, mode, splice):
    files = files_of(short, SMALL + LARGE)
    server = start(short, programs.NginxFiles, "nginx", short.place.root / "files")
    proxy = start(short, servers.Haproxy, "haproxy", f"{BACK}:80", mode=mode, splice=splice)
    short.short.publish(behind("front", FRONT, 80, proxy), behind("files", BACK, 80, server), trusts_fionread=True)
    assert fetch(short, files, "--transfers", 300)["transfers"] == 300
    slow = fetch(short, files, "--transfers", 150, "--per-connection", 5, "--slow", 16, "--pause-us", 500, "--piece", 32768)
    assert slow["transfers"] == 150
    short.short.assert_taken()


def command(*parts):
    """As Redis' protocol has it."""
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)


class Replies:
    def __init__(self, connection):
        self._file = connection.makefile("rb")

    def next(self):
        line = self._file.readline()
        if line.startswith(b"$"):
            size = int(line[1:])
            return self._file.read(size + 2)[:size]
        return line.strip()


def test_redis_answers_a_pipeline_in_order(short):
    server = start(short, programs.Redis, "redis")
    short.short.publish(behind("redis", FRONT, 6379, server))
    draw = random.Random(7)
    values = [draw.randbytes(draw.choice([1, 10, 100, 1000, 10_000, 100_000])) for _ in range(1500)]
    with short.entered(), socket.create_connection((FRONT, 6379), timeout=10) as connection:
        sent = b"".join(command(b"SET", b"key%d" % number, value) + command(b"GET", b"key%d" % number)
                        for number, value in enumerate(values))
        sender = threading.Thread(target=connection.sendall, args=(sent,))
        sender.start()
        replies = Replies(connection)
        for number, value in enumerate(values):
            assert (number, replies.next()) == (number, b"+OK")
            assert replies.next() == value, f"the value of key{number} came back changed"
        sender.join()
    short.short.assert_taken()


def test_redis_under_its_own_benchmark(short):
    server = start(short, programs.Redis, "redis")
    short.short.publish(behind("redis", FRONT, 6379, server))
    done = short.client("redis-benchmark", "-h", FRONT, "-p", "6379", "-P", "16", "-c", "20", "-n", "60000", "-d", "200", "--csv",
                        "-t", "set,get,lpush,lrange_100,mset", timeout=90)
    assert len(done.stdout.splitlines()) == 7, done.stdout  # a head, five tests, and the list that one of them needs
    assert "ERR" not in done.stdout + done.stderr
    short.short.assert_taken()


@pytest.fixture
def postgres(short):
    short.server = start(short, programs.Postgres, "postgres")
    short.short.publish(behind("database", FRONT, 5432, short.server))
    short.to = ("--host", FRONT, "--port", "5432", "--username", programs.Postgres.USER)
    return short


def query(world, text):
    return world.client(world.server.programs / "psql", *world.to, "--no-psqlrc", "--tuples-only", "--no-align", "--command",
                        text, DATABASE, timeout=60).stdout


def test_postgres_sends_large_results_whole(postgres):
    rows = 30_000
    found = query(postgres, f"COPY (SELECT i, repeat(md5(i::text), 1 + i % 20) FROM generate_series(1, {rows}) AS i) TO STDOUT")
    expected = (f"{i}\t{hashlib.md5(str(i).encode()).hexdigest() * (1 + i % 20)}\n" for i in range(1, rows + 1))
    assert hashlib.sha256(found.encode()).digest() == hashlib.sha256("".join(expected).encode()).digest()
    postgres.short.assert_taken()


def test_postgres_under_pgbench_keeps_its_books(postgres):
    tool = postgres.server.programs / "pgbench"
    postgres.client(tool, *postgres.to, "--initialize", "--scale", "2", "--quiet", DATABASE, timeout=60)
    for protocol in ("simple", "prepared"):
        done = postgres.client(tool, *postgres.to, "--no-vacuum", "--client", "8", "--transactions", "400", "--protocol",
                               protocol, DATABASE, timeout=60)
        assert "number of transactions actually processed: 3200/3200" in done.stdout, done.stdout + done.stderr
    sums = query(postgres, "SELECT (SELECT count(*) FROM pgbench_history), "
                 "(SELECT sum(delta) FROM pgbench_history) - (SELECT sum(abalance) FROM pgbench_accounts), "
                 "(SELECT sum(tbalance) FROM pgbench_tellers) - (SELECT sum(bbalance) FROM pgbench_branches)")
    assert sums.strip() == "6400|0|0"
    postgres.short.assert_taken()


async def ask(seed, frames):
    """Frames go out while answers come back; what came back wrong."""
    draw = random.Random(seed)
    reader, writer = await asyncio.open_connection(FRONT, 9000)
    payloads = [draw.randbytes(draw.choice([0, 1, 50, 3000, 70_000, 400_000])) for _ in range(frames)]

    async def send():
        for payload in payloads:
            writer.write(len(payload).to_bytes(4, "big") + payload)
            await writer.drain()
    sending = asyncio.create_task(send())
    wrong = 0
    for payload in payloads:
        head = await asyncio.wait_for(reader.readexactly(4), 5)
        answer = await asyncio.wait_for(reader.readexactly(int.from_bytes(head, "big")), 5)
        wrong += answer != payload[::-1]
    await sending
    writer.close()
    return wrong


def test_asyncio_server_and_clients(short):
    server = start(short, programs.AsyncioEcho, "asyncio")
    short.short.publish(behind("asyncio", FRONT, 9000, server))

    async def all_clients():
        return await asyncio.gather(*(ask(seed, 100) for seed in range(20)))
    with short.entered():
        assert asyncio.run(all_clients()) == [0] * 20
    short.short.assert_taken()
