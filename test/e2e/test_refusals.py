# SPDX-License-Identifier: Apache-2.0
"""When the agent cannot do something, it says what stands in the way and goes on where it can."""

import json

import pytest

from harness import echo
from harness.agent import override
from harness.cgroup import Cgroup
from harness.process import run
from harness.registry import backend, service

V4 = "10.96.0.60"

EXCLUSIVE = """
#include <linux/bpf.h>
__attribute__((section("cgroup/connect4"), used)) int outsider(struct bpf_sock_addr *ctx) { return 1; }
char _license[] __attribute__((section("license"), used)) = "GPL";
"""


@pytest.fixture
def outsider(world):
    """A program that is not ours, loaded and pinned; attach it with attach_exclusively()."""
    source, program = world.place.root / "outsider.c", world.place.root / "outsider.o"
    source.write_text(EXCLUSIVE)
    run("clang", "-O2", "-target", "bpf", "-I/usr/include/x86_64-linux-gnu", "-I/usr/include/aarch64-linux-gnu", "-c", source, "-o", program)
    pin = world.place.root / "bpf/outsider"
    run("bpftool", "prog", "load", program, pin, "type", "cgroup/connect4")
    return pin


def attach_exclusively(cgroup, pin):
    run("bpftool", "cgroup", "attach", cgroup, "connect4", "pinned", pin)  # without `multi`


@pytest.mark.parametrize("where", ["same", "parent"])
def test_a_foreign_exclusive_program_is_named(world, outsider, where):
    attached_to = world.cgroup.path
    agent = world.agent(start=False)
    if where == "parent":
        inner = world.keep(Cgroup("inner", world.cgroup.path))
        agent.options[agent.options.index("--cgroup") + 1] = inner.path
    attach_exclusively(attached_to, outsider)
    program = json.loads(run("bpftool", "prog", "show", "pinned", outsider, "-j").stdout)
    try:
        agent.launch()
        assert agent.process.wait(20) == 1
        output = agent.output()
        assert "outsider" in output
        assert str(program["id"]) in output
        assert str(attached_to) in output
    finally:
        run("bpftool", "cgroup", "detach", attached_to, "connect4", "pinned", outsider)
    agent.start()  # nothing of the failed attempt stands in the way of the next


def test_a_second_agent_is_refused_with_the_pid_of_the_first(world):
    first = world.agent()
    second = world.agent(start=False)
    second.log = world.place.root / "logs/second.log"
    second.launch()
    assert second.process.wait(20) == 1
    assert str(first.process.pid) in second.output()
    second.process = None
    assert first.status()["pid"] == first.process.pid


def test_unload_is_refused_while_an_agent_runs(world):
    running = world.agent()
    answer = run(running.binaries / "meshd", "--unload", *running.options, check=False)
    assert answer.returncode == 1
    assert str(running.process.pid) in answer.stderr
    assert world.place.pins()


def test_full_state_directory_is_shown_and_traffic_goes_on(world):
    world.place.mount("tmpfs", "none", world.place.root / "state", "-o", "size=64k")
    server = world.tcp_echo("a")
    made = service("line", V4, 7, [backend("127.0.0.1", server.port)])
    full = world.place.root / "state/full"
    with open(full, "wb", buffering=0) as file, pytest.raises(OSError):
        while True:
            file.write(b"x" * 4096)
    world.registry.write(made)
    running = world.agent()
    running.wait_applied(made)
    assert echo.who(world, V4, 7) == "a"
    status = running.wait_status(lambda status: status["state"] == "degraded" and status, "the full directory to be noticed")
    assert any(str(world.place.root / "state") in one["reason"] or "state" in one["feature"] for one in status["degraded"])
    full.unlink()
    other = world.tcp_echo("b")
    made = service("line", V4, 7, [backend("127.0.0.1", other.port)])
    world.registry.write(made)
    running.wait_applied(made)
    running.wait_status(lambda status: status["state"] == "ok", "the agent to recover once there is room", timeout=75)


def test_a_pin_directory_that_is_no_bpf_filesystem_is_named(world):
    plain = world.place.root / "plain"
    plain.mkdir()
    agent = world.agent("--bpffs", plain, start=False).launch()
    assert agent.process.wait(10) == 1
    assert str(plain) in agent.output()
    assert list(plain.iterdir()) == []
    agent.process = None


@pytest.mark.parametrize("options, word", [(["--log-level", "loud"], "loud"), (["--metrics", "nowhere"], "nowhere"),
                                           (["--worker-user", "nobody-of-that-name"], "nobody-of-that-name"),
                                           (["--no-such-option"], "--no-such-option")])
def test_wrong_options_are_named(world, options, word):
    agent = world.agent(start=False)
    answer = run(agent.binaries / "meshd", *override(agent.options, options), check=False)
    assert answer.returncode in (1, 2)
    assert word in answer.stderr
