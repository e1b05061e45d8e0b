# SPDX-License-Identifier: Apache-2.0
"""10,000 services with 10 backends each: how long they take to load and to change, and what they cost at rest."""

import json
import statistics
import time

import machine
from bpf_map import PinnedMap
from harness.process import run, wait_until
from harness.registry import backend, document, service
from harness.world import World
from report import at_most, spread

NAME = "scale"
SERVICES, BACKENDS = 10_000, 10
CHANGES = 21
IDLE_SECONDS = 30
LOAD_BAR_S = 5
CHANGE_BAR_MS = 20
LOADED_BAR_MB, SMALL_BAR_MB = 150, 20
IDLE_BAR_PERCENT = 0.2


def services(count, weight=1):
    return [service(f"s{number}", f"10.{100 + number // 65536}.{number // 256 % 256}.{number % 256}", 80,
                    [backend(f"172.16.{number % 250}.{host}", 8000 + number // 250, weight=weight if host == 1 else 1)
                     for host in range(1, BACKENDS + 1)], balancing="weighted") for number in range(count)]


def fill(registry, items, per_file):
    for start in range(0, len(items), per_file):
        (registry.directory / f"part{start:06}.yaml").write_text(document(items[start:start + per_file]))


def bpf_memory_mb(known_maps, known_programs):
    """Memory of maps and programs that were not there before, inner maps included."""
    total = 0
    for kind, known in (("map", known_maps), ("prog", known_programs)):
        for item in json.loads(run("bpftool", kind, "show", "-j", timeout=300).stdout or "[]"):
            if item["id"] not in known:
                total += item.get("bytes_memlock", 0)
    return total / 1e6


def ids_of(kind):
    return {item["id"] for item in json.loads(run("bpftool", kind, "show", "-j", timeout=300).stdout or "[]")}


def load(world, count):
    """Starts the agent; returns it and the seconds until all services were in the kernel."""
    began = time.monotonic()
    agent = world.agent("--log-level", "info", start=False).launch()

    def all_applied():
        assert agent.process.running(), agent.output()
        status = agent.try_status()
        return status is not None and status["services"]["applied"] == count == status["services"]["total"]
    wait_until(all_applied, lambda: f"{count} services; status is {agent.try_status()}", timeout=300, interval=0.01)
    seconds = time.monotonic() - began
    frontends = PinnedMap(world.place.maps / "md_frontends", 20, 4)
    found = frontends.count()
    frontends.close()
    assert found == count, f"the agent says that {count} services are applied, the kernel has {found}"
    return agent, seconds


def change_times_ms(world, agent, items, per_file):
    """From the file's change to the change of the service's table in the kernel."""
    tables = PinnedMap(world.place.maps / "md_tables", 4, 4)
    times = []
    for turn in range(CHANGES):
        start = (turn * 997) % (len(items) // per_file) * per_file
        part = items[start:start + per_file]
        part[0]["backends"][0]["weight"] = 2 + turn
        key = agent.service(part[0]["name"])["ports"][0]["id"].to_bytes(4, "little")
        before = tables.lookup(key)
        text = document(part)
        time.sleep(0.1)
        began = time.monotonic()
        world.registry.replace(text, f"part{start:06}")
        while tables.lookup(key) == before:
            assert time.monotonic() - began < 10, "the change never came to the kernel"
            time.sleep(0.0001)
        times.append((time.monotonic() - began) * 1000)
    tables.close()
    return times


def idle_percent(agent):
    pids = (agent.process.pid, agent.worker_pid())
    before = sum(machine.cpu_seconds(pid) for pid in pids)
    time.sleep(IDLE_SECONDS)
    return (sum(machine.cpu_seconds(pid) for pid in pids) - before) / IDLE_SECONDS * 100


def large(per_file, note):
    case = f"{SERVICES:,} services, {per_file} in a file"
    items = services(SERVICES)
    known = ids_of("map"), ids_of("prog")
    world = World()
    try:
        fill(world.registry, items, per_file)
        note(f"{case}: load")
        agent, seconds = load(world, SERVICES)
        yield at_most(NAME, case, "first_load", "s", "agent", seconds, LOAD_BAR_S)
        yield at_most(NAME, case, "bpf_memory", "MB", "maps and programs", bpf_memory_mb(*known))
        yield at_most(NAME, case, "resident_after_load", "MB", "agent", machine.resident_mb(agent.process.pid), LOADED_BAR_MB)
        yield at_most(NAME, case, "resident_after_load", "MB", "worker", machine.resident_mb(agent.worker_pid()))
        note(f"{case}: {CHANGES} changes")
        times = change_times_ms(world, agent, items, per_file)
        yield at_most(NAME, case, "change_median", "ms", "file to kernel", statistics.median(times), CHANGE_BAR_MS, spread=spread(times),
                      turns=times)
        yield at_most(NAME, case, "change_slowest", "ms", "file to kernel", max(times), CHANGE_BAR_MS)
        note(f"{case}: {IDLE_SECONDS} s at rest")
        yield at_most(NAME, case, "idle_cpu", "%", "agent and worker", idle_percent(agent), IDLE_BAR_PERCENT)
    finally:
        world.close()


def small(note):
    case = "100 services"
    known = ids_of("map"), ids_of("prog")
    world = World()
    try:
        fill(world.registry, services(100), 10)
        note(f"{case}: load and {IDLE_SECONDS} s at rest")
        agent, seconds = load(world, 100)
        yield at_most(NAME, case, "first_load", "s", "agent", seconds)
        yield at_most(NAME, case, "bpf_memory", "MB", "maps and programs", bpf_memory_mb(*known))
        yield at_most(NAME, case, "idle_cpu", "%", "agent and worker", idle_percent(agent), IDLE_BAR_PERCENT)
        yield at_most(NAME, case, "resident_at_rest", "MB", "agent", machine.resident_mb(agent.process.pid), SMALL_BAR_MB)
        yield at_most(NAME, case, "resident_at_rest", "MB", "worker", machine.resident_mb(agent.worker_pid()))
    finally:
        world.close()


def run_case(note):
    return [*large(1, note), *large(100, note), *small(note)]
