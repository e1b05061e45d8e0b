# SPDX-License-Identifier: Apache-2.0
"""Encrypted connections between two hosts: requests, bulk, new connections, idle ones, against pairs of proxies that do the same."""

import resource
import socket
import statistics
import time

import machine
from harness.mesh import PORT, SERVICE
from report import Result, at_most, compared, spread
from tls_pairs import Pairs
from harness.process import run

NAME = "tls"
PARTS = ("requests", "bulk", "connections", "idle", "steady")
TURNS, SECONDS = 5, 3
PEERS = ("HAProxy pair", "nginx pair")
OURS = ("meshd", "meshd, short way")
# A relayed connection has two descriptors in each worker, and many machines give a process 20,000.
IDLE, IDLE_BAR_KB = 8_000, 24
STEADY_SECONDS, STEADY_CPU_BAR, STEADY_MEMORY_BAR_MB = 20, 0.06, 20


def milliseconds(text):
    for unit, factor in (("us", 1e-3), ("ms", 1.0), ("s", 1e3), ("m", 6e4)):
        if text.endswith(unit) and text[:-len(unit)].replace(".", "").isdigit():
            return float(text[:-len(unit)]) * factor
    raise ValueError(f"wrk's time {text}")


class Load:
    """One run of wrk: requests a second, latencies, bytes of answers a second, and busy CPU seconds of the whole machine."""

    def __init__(self, way, path, connections, seconds, *options):
        to, enter = way
        busy = machine.busy_seconds()
        answer = run("wrk", "--latency", "--threads", 1, "--connections", connections, "--duration", f"{seconds}s", *options,
                     f"http://{to}/{path}", preexec_fn=enter, timeout=seconds + 30).stdout
        self.busy = machine.busy_seconds() - busy
        assert "Non-2xx" not in answer and "Socket errors" not in answer, answer
        words = [line.split() for line in answer.splitlines()]
        found = {line[0]: line[1] for line in words if len(line) >= 2}
        self.rate = float(found["Requests/sec:"])
        self.p50, self.p99 = milliseconds(found["50%"]), milliseconds(found["99%"])
        self.requests = self.rate * seconds


def in_turn(pairs, note, case, *arguments):
    """A Load of each way in each turn, after one that does not count."""
    loads = {name: [] for name in pairs.ways()}
    for turn in range(TURNS + 1):
        note(f"{case}: turn {turn} of {TURNS}")
        for name, way in pairs.ways().items():
            load = Load(way, *arguments[:2], SECONDS if turn else 1, *arguments[2:])
            if turn:
                loads[name].append(load)
    return loads


def best(loads, value):
    """The better peer, by the median."""
    return max(PEERS, key=lambda name: statistics.median(value(load) for load in loads[name]))


def against(loads, case, metric, unit, value, bar):
    """meshd to the better peer with the bar, to the other and to direct without."""
    chosen = best(loads, value)
    for subject in OURS:
        for peer in (chosen, *(name for name in PEERS if name != chosen), "direct"):
            yield compared(NAME, case, metric, unit, subject, [value(load) for load in loads[subject]], peer,
                           [value(load) for load in loads[peer]], bar if peer == chosen else None)


def requests(pairs, note):
    loads = in_turn(pairs, note, "kept connections", "tiny", 32)
    yield from against(loads, "kept connections", "requests_per_s", "1/s", lambda load: load.rate, 1.5)
    direct = [load.p50 for load in loads["direct"]]
    added = {name: [load.p50 - least for load, least in zip(loads[name], direct)] for name in (*OURS, *PEERS)}
    p99 = {name: [load.p99 for load in loads[name]] for name in (*OURS, *PEERS)}
    for subject in OURS:
        for metric, values, bar in (("added_p50", added, 0.6), ("p99", p99, 1.0)):
            peer = min(PEERS, key=lambda name, values=values: statistics.median(values[name]))
            ratio = statistics.median(mine / other for mine, other in zip(values[subject], values[peer]))
            yield Result(NAME, "kept connections", metric, "ms", subject, statistics.median(values[subject]), peer,
                         statistics.median(values[peer]), ratio, bar, ratio <= bar, spread(values[subject]), turns=values[subject],
                         peer_turns=values[peer])


def bulk(pairs, note):
    loads = in_turn(pairs, note, "1 MB answers", "file0", 8)
    yield from against(loads, "1 MB answers", "gbit_per_cpu_s", "Gbit", lambda load: load.requests * (1 << 20) * 8e-9 / load.busy, 1.2)
    yield from against(loads, "1 MB answers", "gbit_per_s", "Gbit/s", lambda load: load.rate * (1 << 20) * 8e-9, None)


def connections(pairs, note):
    loads = in_turn(pairs, note, "a connection for each request", "tiny", 16, "--header", "Connection: close")
    yield from against(loads, "a connection for each request", "connections_per_s", "1/s", lambda load: load.rate, 2.0)


def idle(pairs, note):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    opened = []
    try:
        Load(pairs.ways()["meshd"], "tiny", 8, 1)  # what is there at first use is no part of a connection
        before = pairs.resident_mb()
        note(f"{IDLE:,} connections that say nothing")
        with pairs.client.entered():
            for _ in range(IDLE):
                one = socket.create_connection((SERVICE, PORT), 10)
                one.sendall(b"GET /tiny HTTP/1.1\r\nHost: web\r\n\r\n")
                assert one.recv(4096)
                opened.append(one)
        time.sleep(3)
        after = pairs.resident_mb()
        busy = [machine.cpu_seconds(pid) for pid in pairs.workers()]
        time.sleep(10)
        spent = [machine.cpu_seconds(pid) - earlier for pid, earlier in zip(pairs.workers(), busy)]
        for role, least, most, cpu in zip(("outbound", "inbound"), before, after, spent):
            yield at_most(NAME, "idle connections", "memory", "KB", f"meshd, {role}", (most - least) * 1024 / IDLE, IDLE_BAR_KB)
            yield at_most(NAME, "idle connections", "cpu", "%", f"meshd, {role}", cpu * 10, 0.5)
    finally:
        for one in opened:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def steady(pairs, note):
    """1,000 requests a second for 1 KB, on kept connections."""
    note("1,000 requests a second")
    with pairs.client.entered():
        opened = [socket.create_connection((SERVICE, PORT), 10) for _ in range(10)]
    busy, began = [machine.cpu_seconds(pid) for pid in pairs.workers()], time.monotonic()
    done = 0
    while (now := time.monotonic() - began) < STEADY_SECONDS:
        if done > now * 1000:
            time.sleep(0.0005)
            continue
        one = opened[done % len(opened)]
        one.sendall(b"GET /file1 HTTP/1.1\r\nHost: web\r\n\r\n")
        got = 0
        while got < 1024:
            got += len(one.recv(65536))
        done += 1
    took = time.monotonic() - began
    spent = [machine.cpu_seconds(pid) - earlier for pid, earlier in zip(pairs.workers(), busy)]
    memory = pairs.resident_mb()
    for one in opened:
        one.close()
    yield at_most(NAME, "1,000 requests/s of 1 KB", "requests", "1/s", "client", done / took)
    for role, cpu, size in zip(("outbound", "inbound"), spent, memory):
        yield at_most(NAME, "1,000 requests/s of 1 KB", "cpu", "vCPU", f"meshd, {role}", cpu / took, STEADY_CPU_BAR)
        yield at_most(NAME, "1,000 requests/s of 1 KB", "memory", "MB", f"meshd, {role}", size, STEADY_MEMORY_BAR_MB)


def run_case(note, parts=PARTS):
    pairs = Pairs(note)
    try:
        for part in parts:
            yield from {"requests": requests, "bulk": bulk, "connections": connections, "idle": idle, "steady": steady}[part](pairs, note)
    finally:
        pairs.close()
