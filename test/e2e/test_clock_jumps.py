# SPDX-License-Identifier: Apache-2.0
"""The wall clock of a node jumps: nothing that waits, holds or counts ages goes by it."""

import json
import pathlib
import time

import pytest

from harness import echo
from harness.etcd import Etcd
from harness.place import copy_of_binaries
from harness.process import run, wait_until
from harness.registry import backend, service
from harness.steady import Steady

ADDRESS = "10.96.0.60"
PROBED = "10.96.0.61"
LATER = "10.96.0.62"

DAY = 24 * 60 * 60
SOURCE = pathlib.Path(__file__).parent / "harness/clock_offset.c"


class Clock:
    """The wall clock of an agent and its worker; the steady one is that of the kernel."""

    def __init__(self, directory):
        self.file = directory / "clock"
        self.set(0)
        library = directory / "clock_offset.so"
        run("cc", "-shared", "-fPIC", "-O1", "-o", library, SOURCE)
        self.environment = {"LD_PRELOAD": str(library), "CLOCK_OFFSET_FILE": str(self.file)}

    def set(self, seconds):
        self.file.write_text(f"{seconds}\n")
        self.file.chmod(0o644)

    def worker(self, binary):
        """The agent hands no such environment on."""
        script = self.file.with_name("worker.sh")
        variables = " ".join(f"{name}={value}" for name, value in self.environment.items())
        script.write_text(f'#!/bin/sh\nexec env {variables} {binary} "$@"\n')
        script.chmod(0o755)
        return script


def web(name, address, target, **keys):
    return service(name, address, 7, [backend("127.0.0.1", target.port)], **keys)


def shown(agent):
    return next(one for one in agent.api.get("/v1/registries")["registries"] if one["name"] == "etcd")


def state_of_probed(agent):
    [row] = agent.meshctl_json("backend", "list", "--service", "probed")["backends"]
    return row["state"]


@pytest.mark.parametrize("jump", [2 * DAY, -2 * DAY])
def test_a_jump_of_the_clock_changes_nothing(world, jump):
    etcd = world.keep(Etcd(world.place.root / "etcd"))
    a, b = world.tcp_echo("a"), world.tcp_echo("b")
    probed = web("probed", PROBED, b, health={"probe": {"type": "tcp", "interval": "1s"}})
    world.registry.write(probed)
    etcd.put("web", web("web", ADDRESS, a))
    clock = Clock(world.place.root)
    configuration = world.place.root / "meshd.yaml"
    # JSON is YAML.
    configuration.write_text(json.dumps({"registry": {"etcd": {"endpoints": [etcd.url]}, "hold": {"share": "50%", "time": "10m"}}}))
    agent = world.agent("--config", configuration, "--worker", clock.worker(copy_of_binaries() / "meshd-userspace"), environment=clock.environment)
    agent.wait_applied(web("web", ADDRESS, a), probed)
    wait_until(lambda: shown(agent)["state"] == "ok", lambda: f"etcd to answer: {shown(agent)}")
    traffic = world.keep(Steady(world, ADDRESS, 7))
    worker = agent.worker_pid()
    etcd.delete("web")
    wait_until(lambda: shown(agent)["held_count"] == 1, lambda: f"the removal to be held: {shown(agent)}")
    syncs = shown(agent)["figures"]["syncs"]

    clock.set(jump)
    etcd.put("later", web("later", LATER, b))
    agent.wait_applied(web("web", ADDRESS, a), probed, web("later", LATER, b))
    assert echo.who(world, LATER, 7) == "b"
    agent.meshctl("registry", "sync", "etcd")
    wait_until(lambda: shown(agent)["figures"]["syncs"] > syncs, lambda: f"the comparison: {shown(agent)}")
    view = shown(agent)
    assert abs(view["last_answer_unix"] - time.time() - jump) < 600, "the worker's clock has jumped"
    assert view["held_count"] == 1 and view["figures"]["held_taken"] == 0, "its time has not passed"
    assert view["state"] == "ok" and 0 <= view["age_s"] < 600
    b.close()
    wait_until(lambda: state_of_probed(agent) == "unhealthy", lambda: f"the probe to fail: {state_of_probed(agent)}")
    assert agent.worker_pid() == worker
    assert not traffic.failures()
