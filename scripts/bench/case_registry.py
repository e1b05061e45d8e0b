# SPDX-License-Identifier: Apache-2.0
"""From a change in a registry to the kernel's map, beyond the server's own notification; a fleet of 10,000 services in it."""

import http.client
import json
import queue
import socket
import statistics
import threading
import time
import urllib.parse

import machine
from bpf_map import PinnedMap
from case_scale import services
from harness.etcd import PREFIX, Etcd, encode
from harness.process import wait_until
from harness.registry import document
from harness.world import World
from report import at_most, spread

NAME = "registry"
PARTS = ("etcd", "etcd-fleet")
CHANGES = 1000
P50_BAR_MS, P99_BAR_MS = 15, 50
FLEET = 10_000
SYNC_BAR_S, MEMORY_BAR_MB, CHANGE_CPU_BAR_MS = 10, 250, 5
AT_ONCE = 100  # services in a transaction


class Notifications:
    """A bare client that watches the same server: when it was told of each change."""

    def __init__(self, url, path, body):
        self.told = queue.Queue()
        address = urllib.parse.urlsplit(url)
        self.connection = http.client.HTTPConnection(address.hostname, address.port)
        self.connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        self.sock = self.connection.sock
        self.answer = self.connection.getresponse()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            while line := self.answer.readline():
                if "events" in json.loads(line)["result"]:
                    self.told.put(time.monotonic())
        except (OSError, http.client.HTTPException):
            pass  # it has been closed

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.connection.close()


def settings(world, **registry):
    path = world.place.root / "meshd.yaml"
    path.write_text(json.dumps({"registry": registry}))
    return path


def started(world, etcd, count):
    """Starts the agent; returns it and the seconds until all services were in the kernel."""
    began = time.monotonic()
    options = ["--config", settings(world, etcd={"endpoints": [etcd.url]}), "--log-level", "info"]
    agent = world.agent(*options, start=False).launch()

    def all_applied():
        assert agent.process.running(), agent.output()
        status = agent.try_status()
        return status is not None and status["services"]["applied"] == count == status["services"]["total"]
    wait_until(all_applied, lambda: f"{count} services; status is {agent.try_status()}", timeout=120, interval=0.01)
    return agent, time.monotonic() - began


def fill(etcd, items):
    for start in range(0, len(items), AT_ONCE):
        etcd.put_all({f"{one['name']}": one for one in items[start:start + AT_ONCE]})


def change_times_ms(world, agent, etcd, items, count):
    """For each change: from the bare client's notification to the new table of the service in the kernel; and CPU time of a change."""
    tables = PinnedMap(world.place.maps / "md_tables", 4, 4)
    bare = Notifications(etcd.url, "/v3/watch", {"create_request": {
        "key": encode(PREFIX), "range_end": encode(PREFIX[:-1] + "0")}})
    chosen = [items[turn * 997 % len(items)] for turn in range(count)]
    keys = {one["name"]: agent.service(one["name"])["ports"][0]["id"].to_bytes(4, "little") for one in chosen}
    pids = (agent.process.pid, agent.worker_pid())
    cpu = sum(machine.cpu_seconds(pid) for pid in pids)
    times = []
    for turn, one in enumerate(chosen):
        one["backends"][0]["weight"] = 2 + turn % 900
        key = keys[one["name"]]
        before = tables.lookup(key)
        etcd.call("kv/put", {"key": encode(PREFIX + one["name"]), "value": encode(document([one]))})
        while tables.lookup(key) == before:
            time.sleep(0.0001)
        done = time.monotonic()
        times.append((done - bare.told.get(timeout=10)) * 1000)
    bare.close()
    tables.close()
    return times, (sum(machine.cpu_seconds(pid) for pid in pids) - cpu) / count * 1000


def percentile(times, share):
    return sorted(times)[min(int(len(times) * share), len(times) - 1)]


def with_etcd(count, measure):
    world = World()
    try:
        etcd = world.keep(Etcd(world.place.root / "etcd"))
        items = services(count)
        fill(etcd, items)
        yield from measure(world, etcd, items)
    finally:
        world.close()


def latency(world, etcd, items):
    agent, _ = started(world, etcd, len(items))
    times, _ = change_times_ms(world, agent, etcd, items, CHANGES)
    case = f"etcd, {len(items)} services, {CHANGES:,} changes"
    yield at_most(NAME, case, "p50", "ms", "notification to kernel", statistics.median(times), P50_BAR_MS, spread=spread(times))
    yield at_most(NAME, case, "p99", "ms", "notification to kernel", percentile(times, 0.99), P99_BAR_MS)


def fleet(world, etcd, items):
    case = f"etcd, {len(items):,} services with 10 backends"
    agent, seconds = started(world, etcd, len(items))
    pids = (agent.process.pid, agent.worker_pid())
    yield at_most(NAME, case, "full_sync", "s", "start to kernel", seconds, SYNC_BAR_S)
    yield at_most(NAME, case, "resident", "MB", "agent and worker", sum(machine.resident_mb(pid) for pid in pids), MEMORY_BAR_MB)
    times, cost = change_times_ms(world, agent, etcd, items, CHANGES)
    yield at_most(NAME, case, "p50", "ms", "notification to kernel", statistics.median(times), P50_BAR_MS, spread=spread(times))
    yield at_most(NAME, case, "p99", "ms", "notification to kernel", percentile(times, 0.99), P99_BAR_MS)
    yield at_most(NAME, case, "cpu_of_a_change", "ms", "agent and worker", cost, CHANGE_CPU_BAR_MS)


def run_case(note, parts=PARTS):
    results = []
    for part in parts:
        note(part)
        results += with_etcd(*{"etcd": (100, latency), "etcd-fleet": (FLEET, fleet)}[part])
    return results
