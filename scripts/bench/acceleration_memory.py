# SPDX-License-Identifier: Apache-2.0
"""What the kernel keeps for connections that have been used and are idle now, on the short way and beside it."""

import contextlib
import json
import resource
import socket

from harness.place import build_directory
from harness.process import run, wait_until
from harness.servers import Server

CONNECTIONS = 10_000
_KEPT = ("SUnreclaim", "VmallocUsed", "Percpu")  # of /proc/meminfo: objects (no file system caches), big tables, counters
_STILL_BYTES, _STILL_SECONDS = 256 << 10, 0.3
_CACHES = "/sys/kernel/slab/kmalloc-*/shrink /sys/kernel/slab/TCP*/shrink"


class Echo(Server):
    def __init__(self, directory, port, enter):
        super().__init__(directory, port=port, enter=enter)
        self.start(build_directory() / "bench-flows", "serve", f"{self.address}:{self.port}")


def _kept():
    with open("/proc/meminfo", encoding="utf-8") as lines:
        return sum(int(line.split()[1]) * 1024 for line in lines if line.split(":")[0] in _KEPT)


def kernel_bytes():
    """Once it stands still: the kernel frees after a grace period. Empty pages of caches are given back first."""
    seen = [0]

    def stands_still():
        run("sh", "-c", f"for cache in {_CACHES}; do echo 1 > $cache; done", check=False)
        seen.append(_kept())
        return abs(seen[-1] - seen[-2]) < _STILL_BYTES
    wait_until(stands_still, lambda: f"kernel memory to stand still, it was {seen[1:]}", timeout=30,
               interval=_STILL_SECONDS)
    return seen[-1]


def map_bytes():
    shown = run("bpftool", "map", "show", "-j", timeout=60).stdout
    return sum(item.get("bytes_memlock", 0) for item in json.loads(shown or "[]"))


def open_connections(stack, target):
    for _ in range(CONNECTIONS):
        client = stack.enter_context(socket.create_connection(target, timeout=10))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # ends with a reset: nothing waits
        client.sendall(b"?")
        assert client.recv(1) == b"?"


def enrolled(short):
    """Of the service that is measured alone: pairs of others may still go."""
    return short.services()["memory"]["connections"]


def per_connection(setup, turn, port, target, on_the_short_way):
    """Bytes that kernel memory and BPF maps grow by, for each of CONNECTIONS with both its ends."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.closing(Echo(setup.root / f"echo-{turn}-{port}", port, setup.world.enter())))
        kernel, maps = kernel_bytes(), map_bytes()
        open_connections(stack, target)
        if on_the_short_way:
            wait_until(lambda: enrolled(setup.short) >= CONNECTIONS,
                       lambda: f"{CONNECTIONS} connections to be enrolled, {enrolled(setup.short)} are")
        return (kernel_bytes() - kernel) / CONNECTIONS, (map_bytes() - maps) / CONNECTIONS


def _split(endpoint):
    address, _, port = endpoint.rpartition(":")
    return address, int(port)


def measure(setup, ways, turns, note):
    """`ways`: name -> (port to listen on, ADDRESS:PORT to connect to, whether that takes the short way). Returns name -> a list
    of (kernel bytes, map bytes), one for each turn; the turn before them fills caches and does not count."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    found = {name: [] for name in ways}
    try:
        with setup.world.entered():
            for turn in range(turns + 1):
                note(f"memory: turn {turn} of {turns}" if turn else "memory: caches are filled")
                for name, (port, to, short) in ways.items():
                    value = per_connection(setup, turn, port, _split(to), short and setup.short.mode != "off")
                    if turn > 0:
                        found[name].append(value)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return found
