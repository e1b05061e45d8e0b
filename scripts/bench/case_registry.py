# SPDX-License-Identifier: Apache-2.0
"""From a change in a registry to the kernel's map, beyond the server's own notification; a fleet of 10,000 services in it."""

import json
import statistics
import time

import machine
from bpf_map import PinnedMap
from harness.process import wait_until
from harness.world import World
from registry_fleets import ConsulFleet, EtcdFleet, KubernetesFleet
from report import at_most, spread

NAME = "registry"
SERVICES, CHANGES = 50, 1000  # more than 64 services take turns at Consul over plain HTTP
P50_BAR_MS, P99_BAR_MS = 15, 50
FLEET = 10_000
SYNC_BAR_S, MEMORY_BAR_MB, CHANGE_CPU_BAR_MS = 10, 250, 5
ROLLED, ROLLED_A_SECOND, ROLL_CPU_BAR_PERCENT = 1000, 100, 50


def started(world, fleet, count):
    """Starts the agent; returns it and the seconds until all services were in the kernel."""
    settings = world.place.root / "meshd.yaml"
    settings.write_text(json.dumps({"registry": fleet.registry}))
    began = time.monotonic()
    agent = world.agent("--config", settings, "--log-level", "info", start=False).launch()

    def all_applied():
        assert agent.process.running(), agent.output()
        status = agent.try_status()
        return status is not None and count <= status["services"]["applied"] == status["services"]["total"]
    wait_until(all_applied, lambda: f"{count} services; status is {agent.try_status()}", timeout=120, interval=0.01)
    return agent, time.monotonic() - began


def cpu_seconds(agent):
    return sum(machine.cpu_seconds(pid) for pid in (agent.process.pid, agent.worker_pid()))


class Tables:
    """The table of each service in the kernel: a change of it is another one."""

    def __init__(self, world, agent, names):
        self.map = PinnedMap(world.place.maps / "md_tables", 4, 4)
        self.keys = {name: agent.service(name)["ports"][0]["id"].to_bytes(4, "little") for name in set(names)}

    def of(self, name):
        return self.map.lookup(self.keys[name])

    def close(self):
        self.map.close()


def change_times_ms(world, agent, fleet):
    """For each change: from the bare client's notification to the new table in the kernel; and milliseconds of CPU time of a change."""
    numbers = [turn * 997 % fleet.count for turn in range(CHANGES)]
    tables = Tables(world, agent, [fleet.name(number) for number in numbers])
    bare = fleet.watch()
    cpu, times = cpu_seconds(agent), []
    for turn, number in enumerate(numbers):
        name = fleet.name(number)
        before = tables.of(name)
        fleet.change(number, turn)
        while tables.of(name) == before:
            time.sleep(0.0001)
        done = time.monotonic()
        times.append((done - bare.next()) * 1000)
        time.sleep(fleet.pause)
    cost = (cpu_seconds(agent) - cpu) / CHANGES * 1000
    bare.close()
    tables.close()
    return times, cost


def latencies(case, times):
    yield at_most(NAME, case, "p50", "ms", "notification to kernel", statistics.median(times), P50_BAR_MS, spread=spread(times),
                  turns=times)
    yield at_most(NAME, case, "p99", "ms", "notification to kernel", sorted(times)[len(times) * 99 // 100], P99_BAR_MS)


def small(world, make, name):
    fleet = make(world, SERVICES)
    agent, _ = started(world, fleet, SERVICES)
    times, _ = change_times_ms(world, agent, fleet)
    yield from latencies(f"{name}, {SERVICES} services, {CHANGES:,} changes", times)


def large(world, make, name):
    case = f"{name}, {FLEET:,} services with 10 backends"
    fleet = make(world, FLEET)
    agent, seconds = started(world, fleet, FLEET)
    yield at_most(NAME, case, "full_sync", "s", "start to kernel", seconds, SYNC_BAR_S)
    resident = sum(machine.resident_mb(pid) for pid in (agent.process.pid, agent.worker_pid()))
    yield at_most(NAME, case, "resident", "MB", "agent and worker", resident, MEMORY_BAR_MB)
    times, cost = change_times_ms(world, agent, fleet)
    yield from latencies(case, times)
    yield at_most(NAME, case, "cpu_of_a_change", "ms", "agent and worker", cost, CHANGE_CPU_BAR_MS)
    yield from rolled(world, agent, fleet, case)


def rolled(world, agent, fleet, case):
    """Changes at a constant rate, as a rolling update makes them."""
    last = fleet.name(ROLLED - 1)
    tables = Tables(world, agent, [last])
    before = tables.of(last)
    began, cpu = time.monotonic(), cpu_seconds(agent)
    for number in range(ROLLED):
        time.sleep(max(0.0, began + number / ROLLED_A_SECOND - time.monotonic()))
        fleet.change(number, 2 * CHANGES + number)
    sent = time.monotonic()
    while tables.of(last) == before:
        time.sleep(0.0001)
    ended = time.monotonic()
    tables.close()
    case += f", {ROLLED:,} changed at {ROLLED_A_SECOND} a second"
    yield at_most(NAME, case, "changes_sent", "1/s", "bare client", ROLLED / (sent - began))
    yield at_most(NAME, case, "cpu", "% of a core", "agent and worker", (cpu_seconds(agent) - cpu) / (ended - began) * 100, ROLL_CPU_BAR_PERCENT)
    yield at_most(NAME, case, "behind", "ms", "last change to kernel", (ended - sent) * 1000)


CASES = {"etcd": (small, EtcdFleet), "consul": (small, ConsulFleet), "kubernetes": (small, KubernetesFleet), "etcd-fleet": (large, EtcdFleet),
         "kubernetes-fleet": (large, KubernetesFleet)}
PARTS = tuple(CASES)
PARTS_APART = True


def run_case(note, parts=PARTS):
    for part in parts:
        measure, make = CASES[part]
        note(part)
        world = World()
        try:
            yield from measure(world, make, part.partition("-")[0])
        finally:
            world.close()
