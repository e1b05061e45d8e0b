# SPDX-License-Identifier: Apache-2.0
"""An agent that is killed at random moments of its start, of a reload, an upgrade and an unload: the node goes on as it was, and the next
start is clean. MESHD_KILLS says how often."""

import itertools
import os
import random
import signal

import pytest

from harness.many_flows import FlowEcho, FlowLoad, assert_unharmed
from harness.place import copy_of_binaries
from harness.process import Process, pause
from harness.registry import backend, service

ADDRESS, CONNECTIONS = "10.96.0.10", 50
KILLS = int(os.environ.get("MESHD_KILLS", "9"))


class Node:
    def __init__(self, world):
        self.world = world
        self.settings = world.place.root / "meshd.yaml"
        self.level = itertools.cycle(["debug", "info"])
        self.write_settings()
        echo = world.keep(FlowEcho(world.place.root / "echo"))
        self.line = service("line", [ADDRESS], 7, [backend(echo.address, echo.port)])
        world.registry.write(self.line)
        self.agent = world.agent("--config", self.settings)
        self.agent.wait_applied(self.line)
        self.load = FlowLoad(world.place, world.enter(), f"{ADDRESS}:7", CONNECTIONS)

    def write_settings(self):
        self.settings.write_text(f"log: {{level: {next(self.level)}}}\n")

    def start_again(self):
        self.agent.start()
        self.agent.wait_applied(self.line)
        assert self.agent.api.post("/v1/reconcile") == {"operations": [], "errors": []}


@pytest.fixture
def node(world):
    return Node(world)


def test_of_start_reload_and_upgrade(node):
    draw, agent = random.Random(5), node.agent
    versions = [copy_of_binaries(name) for name in ("first", "second")]
    try:
        for number in range(KILLS):
            if number % 3 == 0:
                agent.kill()
                agent.launch()
                pause(draw.random())
            elif number % 3 == 1:
                node.write_settings()
                agent.reload()
                pause(draw.random() * 0.05)
            else:
                agent.stop()
                agent.binaries = versions[number // 3 % 2]
                agent.launch()
                pause(draw.random())
            agent.kill()
            node.start_again()
    finally:
        outcome = node.load.outcome()
    assert_unharmed(outcome, CONNECTIONS)


def test_of_an_unload(node):
    draw, agent = random.Random(6), node.agent
    options = [part for pair in zip(agent.options[::2], agent.options[1::2]) if pair[0] != "--config" for part in pair]
    try:
        node.load.no_more_connects()  # a service address means nothing where the mesh is gone
        for number in range(KILLS // 2):
            agent.kill()
            unload = Process([agent.binaries / "meshd", "--unload", *options], node.world.place.root / f"logs/unload{number}")
            pause(draw.random() * 0.1)
            unload.stop(signal.SIGKILL)
            node.start_again()
            node.world.client("bash", "-c", f"echo > /dev/tcp/{ADDRESS}/7")
        agent.kill()
        agent.unload()
        assert node.world.place.pins() == []
    finally:
        outcome = node.load.outcome()
    assert_unharmed(outcome, CONNECTIONS, churned=0)
