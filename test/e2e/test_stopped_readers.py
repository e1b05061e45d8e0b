# SPDX-License-Identifier: Apache-2.0
"""What readers that stop reading cost while their senders write all that they can: little more than over TCP with the same socket
buffers, no more by the short way than the node's budget, and nothing once they have closed.

Environment: MESHD_STOPPED_READERS is how many there are at most (default 1000); fewer where memory is short."""

import contextlib
import os
import pathlib
import resource

import pytest

from harness.line import Line, fill
from harness.process import wait_until

pytestmark = pytest.mark.alone  # the node's memory for TCP is what is looked at
KIB, MIB = 1 << 10, 1 << 20
PAGE = resource.getpagesize()
MOST = int(os.environ.get("MESHD_STOPPED_READERS", "1000"))
LEAST_BUFFER = 512 * KIB
HELD = 1.6  # bytes that a stopped reader and its sender hold on the short way, for each byte of the largest buffer
MESSAGE = 64 * KIB
SMALL_QUEUE = 64 * KIB  # so many may wait for each reader whatever the budget
MESSAGES = 1024  # fewer may wait for one reader


def meminfo(name):
    for row in pathlib.Path("/proc/meminfo").read_text().splitlines():
        if row.startswith(name + ":"):
            return int(row.split()[1]) * KIB
    raise AssertionError(f"no {name} in /proc/meminfo")


def tcp_memory():
    """Bytes that TCP accounts for, in all namespaces."""
    for row in pathlib.Path("/proc/net/sockstat").read_text().splitlines():
        if row.startswith("TCP:"):
            return int(row.split()[-1]) * PAGE
    raise AssertionError("no TCP in /proc/net/sockstat")


def many():
    """As many readers as shall be and the largest buffers that keep them below the pressure mark of TCP's memory, above which the
    kernel makes every buffer small."""
    pressure = int(pathlib.Path("/proc/sys/net/ipv4/tcp_mem").read_text().split()[1]) * PAGE
    memory = min(pressure, meminfo("MemAvailable") / 3) / HELD
    readers = min(MOST, int(memory / LEAST_BUFFER))
    return readers, min(int(memory / readers) // MESSAGE * MESSAGE, 4 * MIB)


class Readers:
    """Connections of one namespace, whose largest buffers are given."""

    def __init__(self, world, count, buffer, memory):
        self.count, self.netns = count, world.netns()
        self.netns.run("sysctl", "-qw", f"net.ipv4.tcp_rmem=4096 131072 {buffer}", f"net.ipv4.tcp_wmem=4096 16384 {buffer}")
        self.line = Line(world, settings="acceleration: {memory: " + memory + "}\n", netns=self.netns)

    @contextlib.contextmanager
    def stopped(self, *, direct=False, message=MESSAGE):
        """All of them, with as much before them as their senders could write: what that holds, in bytes."""
        tcp, slabs = tcp_memory(), meminfo("SUnreclaim")
        with contextlib.ExitStack() as stack:
            written = sum(fill(stack.enter_context(self.line.connection(self.netns, direct))[0], message) for _ in range(self.count))
            held = {"written": written, "tcp": tcp_memory() - tcp, "slabs": meminfo("SUnreclaim") - slabs}
            print(f"{self.count} readers, {'TCP' if direct else 'short way'}:", {name: size // MIB for name, size in held.items()}, "MiB")
            yield held
        wait_until(lambda: tcp_memory() < tcp + held["tcp"] / 20, "the node's memory to come back", timeout=20)


@pytest.fixture(autouse=True)
def descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("few", [True, False], ids=["few with large buffers", "many"])
def test_readers_that_stop_hold_little_more_than_over_tcp(world, few):
    readers = Readers(world, *((60, 4 * MIB) if few else many()), "1024GiB")
    with readers.stopped(direct=True) as plain:
        pass
    with readers.stopped() as short:
        assert readers.line.agent.status()["acceleration"]["connections"] == readers.count
    assert readers.line.top()["bytes_short"] > short["written"] / 4
    assert short["tcp"] + short["slabs"] <= 1.5 * (plain["tcp"] + plain["slabs"])
    assert short["written"] <= 1.5 * plain["written"]
    wait_until(lambda: readers.line.top()["connections"] == 0, "every pair to be forgotten")


def test_small_messages_that_wait_are_bounded_by_their_memory(world):
    """TCP joins small messages, the short way keeps each, which TCP's memory does not tell."""
    readers = Readers(world, *many(), "1024GiB")
    with readers.stopped(direct=True, message=500) as plain:
        pass
    with readers.stopped(message=500) as short:
        messages = readers.line.top()["messages_short"]
    assert readers.count < messages <= readers.count * MESSAGES
    assert short["tcp"] + short["slabs"] <= 1.5 * (plain["tcp"] + plain["slabs"])


def test_the_nodes_budget_keeps_bytes_off_the_short_way(world):
    budget = 64 * MIB
    readers = Readers(world, *many(), f"{budget // MIB}MiB")
    with readers.stopped():
        assert readers.line.why()["memory"] > 0
        waiting = readers.line.top()["bytes_short"]
    # The last message of each may be one that its queue of less than that still let through.
    assert waiting <= budget + readers.count * (SMALL_QUEUE + MESSAGE)
