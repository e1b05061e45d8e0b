# SPDX-License-Identifier: Apache-2.0
"""Machines that lack something: what can be done is, and what cannot is named with its remedy. Nothing that was at work stops."""

import resource

import pytest

from harness import echo
from harness.process import run, wait_until
from harness.registry import backend, service

V4 = "10.96.0.10"


def without(preparation, agent):
    """Runs an agent to its end in a mount namespace of its own, in which something was taken away before."""
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", f'{preparation}; exec "$@"', "sh", agent.binaries / "meshd", *agent.options]
    return run(*command, check=False, timeout=30)


@pytest.fixture
def served(world):
    """A service that an agent before has left at work."""
    server = world.tcp_echo("a")
    made = service("line", V4, 7, [backend("127.0.0.1", server.port)])
    world.registry.write(made)
    agent = world.agent()
    agent.wait_applied(made)
    agent.stop()
    assert echo.who(world, V4, 7) == "a"
    return world


def test_a_kernel_without_btf_is_named_and_what_is_at_work_stays(served):
    agent = served.agent(start=False)
    done = without("mount -t tmpfs none /sys/kernel/btf", agent)
    assert done.returncode == 1, done
    assert "BTF" in done.stderr and "/sys/kernel/btf/vmlinux" in done.stderr and "CONFIG_DEBUG_INFO_BTF" in done.stderr, done.stderr
    assert echo.who(served, V4, 7) == "a"
    agent.start()
    assert echo.who(served, V4, 7) == "a"


def test_a_machine_without_cgroup_v2_is_named_and_what_is_at_work_stays(served):
    agent = served.agent("--cgroup", "auto", start=False)
    done = without("grep -o ' /[^ ]* [^ ]* - cgroup2' /proc/self/mountinfo | cut -d' ' -f2 | sort -r | xargs umount -l", agent)
    assert done.returncode == 1, done
    assert "cgroup" in done.stderr and "mount -t cgroup2" in done.stderr, done.stderr
    assert echo.who(served, V4, 7) == "a"


def test_a_configuration_that_cannot_be_written_is_enough(world):
    config = world.place.root / "etc"
    config.mkdir()
    (config / "meshd.yaml").write_text("log: {level: debug}\n")
    server = world.tcp_echo("a")
    made = service("line", V4, 7, [backend("127.0.0.1", server.port)])
    world.registry.write(made)
    for directory in (config, world.registry.directory):
        world.place.mount("none", directory, directory, "-o", "bind")
        run("mount", "-o", "remount,ro,bind", directory)
    agent = world.agent("--config", config / "meshd.yaml")
    agent.wait_applied(made)
    assert echo.who(world, V4, 7) == "a"
    assert agent.status()["state"] in ("ok", "degraded")
    assert not any("ead-only" in one["reason"] for one in agent.status()["degraded"])


def test_a_small_limit_of_locked_memory_and_of_descriptors_is_enough(world):
    server = world.tcp_echo("a")
    made = service("line", V4, 7, [backend("127.0.0.1", server.port)])
    world.registry.write(made)
    agent = world.agent(start=False)
    limits = {resource.RLIMIT_MEMLOCK: 65536, resource.RLIMIT_NOFILE: 256}
    before = {kind: resource.getrlimit(kind) for kind in limits}
    for kind, limit in limits.items():  # inherited
        resource.setrlimit(kind, (limit, before[kind][1]))
    try:
        agent.launch()
    finally:
        for kind, limit in before.items():
            resource.setrlimit(kind, limit)
    wait_until(lambda: agent.try_status() is not None, agent.output)
    agent.wait_applied(made)
    assert echo.who(world, V4, 7) == "a"
