# SPDX-License-Identifier: Apache-2.0
"""Connections of every shape on the short way, while it is paused, allowed, forbidden, and while its agent dies: every byte is
right, every end comes as planned, and no reader waits for bytes that are there.

Environment: MESHD_SHORT_WAY_CONNECTIONS is how many connections all tests make together (default 200000), MESHD_SHORT_WAY_SEED
repeats a seed, MESHD_SHORT_WAY_WITHOUT leaves shapes out (names as `shapes drive --without` takes them)."""

import json
import os
import random
import time

import pytest

from harness.place import build_directory
from harness.process import Process, wait_until
from harness.registry import backend, service
from harness.servers import Server
from harness.short_way import ShortWay

V4 = "10.96.0.70"
PORT = 7
SHAPES = build_directory() / "shapes"
PARTS = 4
CONNECTIONS = int(os.environ.get("MESHD_SHORT_WAY_CONNECTIONS", "200000"))
SEED = int(os.environ.get("MESHD_SHORT_WAY_SEED", random.SystemRandom().randrange(1 << 32)))
WITHOUT = os.environ.get("MESHD_SHORT_WAY_WITHOUT", "")
NEEDS = {"splice_out": "splice-out", "splice_in": "splice-in", "wait_for_all": "waitall", "zero_copy": "zerocopy", "peek": "peek"}
SLOWEST = 50  # connections a second: a run that needs longer has come to a halt
SHARE = 0.5  # of the bytes, on the short way, of a run that nothing disturbs
ROUND = 1000  # connections to one service, before it is learned that its readers fall behind too often


class Listener(Server):
    """The end of `shapes` that listens, in the agent's cgroup."""

    def __init__(self, world):
        super().__init__(world.place.root / "shapes", enter=world.enter())
        self.board = self.directory / "board"
        self.start(SHAPES, "serve", f"{self.address}:{self.port}", "--board", self.board)


class Traffic(Process):
    """The end of `shapes` that connects, a client of the mesh. Part 0 makes the seed's first connections, part 1 those after."""

    def __init__(self, world, board, part, without=(), connections=None, skip=0, only=()):
        self.connections = connections or max(CONNECTIONS // PARTS, 1)
        first = part * (CONNECTIONS // PARTS) + skip
        without = ",".join(filter(None, [WITHOUT, *without]))
        command = [SHAPES, "drive", f"{V4}:{PORT}", "--board", board, "--seed", SEED, "--first", first,
                   "--connections", self.connections, *(["--without", without] if without else []),
                   *(["--only", ",".join(only)] if only else [])]
        print(" ".join(str(word) for word in command))
        super().__init__(command, world.place.root / f"logs/shapes-{first}-{self.connections}", world.enter())
        self.deadline = time.monotonic() + 120 + self.connections / SLOWEST

    def outcome(self):
        wait_until(lambda: not self.running(), lambda: f"the connections to end: {self.output()[-4000:]}",
                   timeout=max(self.deadline - time.monotonic(), 1), interval=0.2)
        return json.loads(self.output().splitlines()[-1])

    def close(self):
        self.stop(timeout=60)


@pytest.fixture
def line(world):
    """An agent with one service, and the end that listens behind it."""
    settings = world.place.root / "meshd.yaml"
    settings.write_text("acceleration:\n  default: services\n")
    world.listener = world.keep(Listener(world))
    world.running = world.agent("--config", settings, "--log-level", "info")
    world.short = ShortWay(world, world.running)
    world.line = service("line", V4, PORT, [backend(world.listener.address, world.listener.port)])
    world.short.publish(world.line)
    return world


def left_out(short):
    """Shapes that are not for a service that is named although a check of the self-test failed."""
    if short.mode != "named":
        return []
    failed = [check["name"] for check in short.state["selftest"]["checks"] if not check["passed"]]
    unfit = [shape for check, shape in NEEDS.items() if check in failed]
    # On an enrolled socket sendmmsg() goes on with the next message after one that went in part: docs/acceleration.md.
    return [*unfit, "sendmmsg", *(["fionread"] if "fionread" in str(short.keys()) else [])]


def traffic(world, part, connections=None):
    return world.keep(Traffic(world, world.listener.board, part, left_out(world.short), connections))


def assert_flawless(load):
    outcome = load.outcome()
    print(json.dumps({key: outcome[key] for key in ("connections", "bytes", "seconds", "seed", "waitall_short")}))
    print("\n".join(outcome["errors"]))
    assert {key: outcome[key] for key in ("connections", "wrong", "stalls", "hangs", "errors")} == {
        "connections": load.connections, "wrong": 0, "stalls": 0, "hangs": 0, "errors": []}, outcome["flaws_by_shape"]
    assert outcome["waitall_short"] == 0, load.output()[-4000:]
    assert load.wait() == 0


def assert_share(world, least):
    """Of the bytes of the service, on the short way, as far as the kernel allows it at all."""
    if world.short.keys() is None:
        return

    def share():
        row = world.short.services().get("line", {"bytes_short": 0, "bytes_tcp": 0})
        return row["bytes_short"] / max(row["bytes_short"] + row["bytes_tcp"], 1)

    wait_until(lambda: share() > least,
               lambda: f"more than {least} on the short way: {json.dumps(world.short.services(), indent=1)}", timeout=5)


def until_done(load, draw, disturb):
    """Disturbs at random moments, a tenth of a second to a second apart, as long as there are connections."""
    count = 0
    while load.running():
        disturb()
        count += 1
        calm = time.monotonic() + draw.uniform(0.1, 1)
        wait_until(lambda until=calm: not load.running() or time.monotonic() > until, "a calm moment to pass")
        assert time.monotonic() < load.deadline, load.output()[-4000:]
    return count


def test_connections_of_every_shape(line):
    load = traffic(line, 0)
    assert_flawless(load)
    assert_share(line, SHARE)


def test_pause_resume_and_policy_at_any_moment(line):
    draw = random.Random(SEED)
    names = ["pause", "pause service", "resume", "resume service", "off", "as before"]

    def disturb():
        what = draw.choice(names)
        if what in ("off", "as before"):
            line.short.publish(line.line | ({"acceleration": "off"} if what == "off" else {}))
        else:
            verb, _, one = what.partition(" ")
            line.running.meshctl("acceleration", verb, *(["--service", "line"] if one else []))

    load = traffic(line, 1)
    assert until_done(load, draw, disturb) > 0
    assert_flawless(load)
    line.running.meshctl("acceleration", "resume")
    line.short.publish(line.line)
    assert_flawless(traffic(line, 1, 200))  # calm has come back, and with it the short way
    assert_share(line, 0)


def test_agent_killed_at_any_moment(line):
    draw = random.Random(SEED + 1)

    def disturb():
        line.running.kill()
        if draw.random() < 0.5:
            line.running.launch()
            calm = time.monotonic() + draw.uniform(0, 0.3)  # into the middle of its start
            wait_until(lambda: time.monotonic() > calm, "a moment to pass")
            line.running.kill()
        line.running.start()

    load = traffic(line, 2)
    assert until_done(load, draw, disturb) > 0
    assert_flawless(load)
    line.running.wait_applied(line.line | (line.short.keys() or {}))
    assert_flawless(traffic(line, 2, 200))
    assert_share(line, 0)


def test_readers_that_trust_fionread(line):
    """Where FIONREAD does not count what TCP brings, a connection whose reader falls behind leaves the short way for good."""
    left = 0
    for skip in range(0, CONNECTIONS // PARTS, ROUND):
        name = f"line{skip}"
        line.short.publish(line.line | {"name": name}, trusts_fionread=True)
        without = [shape for shape in left_out(line.short) if shape != "fionread"]
        count = min(ROUND, CONNECTIONS // PARTS - skip)
        assert_flawless(line.keep(Traffic(line, line.listener.board, 3, without, count, skip, only=["fionread"])))
        left += line.short.services().get(name, {}).get("left", 0)
    print(f"{left} connections left")
    if line.short.keys(trusts_fionread=True) is not None:
        assert line.running.status()["events"]["message_short"] > 0
    if line.short.state["fionread"] == "redirected":
        assert left > 0
