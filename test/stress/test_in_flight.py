# SPDX-License-Identifier: Apache-2.0
"""Connections that are in flight while everything around them changes: none may fail, none may break, no byte may differ."""

import random

import pytest

from harness.many_flows import CONNECTIONS, FlowEcho, FlowLoad, assert_unharmed
from harness.place import copy_of_binaries
from harness.process import pause, run
from harness.registry import backend, document, service

V4, V6 = "10.96.0.10", "fd00:96::10"
CHANGES = 100


def load_of(world, target, connections=CONNECTIONS, netns=None):
    return FlowLoad(world.place, world.enter(netns), target, connections)


@pytest.fixture
def servers(world):
    """Three servers, on the host and in two namespaces."""
    return [world.keep(FlowEcho(world.place.root / f"echo{number}", netns))
            for number, netns in enumerate((None, world.netns("a"), world.netns("b")))]


def services(servers, draw):
    """The service under load with new weights, states and policy, and other services that come and go. One backend is always ready.
    Maintenance closes connections, unless the service says that it keeps them."""
    ready = draw.randrange(len(servers))
    keeps = draw.random() < 0.5
    states = ["ready", "drain", "maint"] if keeps else ["ready", "drain"]
    backends = [backend(one.address, one.port, weight=draw.randint(1, 9), state="ready" if number == ready else draw.choice(states))
                for number, one in enumerate(servers)]
    draw.shuffle(backends)
    line = service("line", [V4, V6], 7, backends, balancing=draw.choice(["random", "round_robin", "weighted"]),
                   drain={"sockets": "keep" if keeps else "close"})
    return [line, *(service(f"other-{number}", f"10.97.0.{number}", 80, backends) for number in range(draw.randrange(20)))]


def change(world, agent, servers, draw, count):
    """Writes the file again and again, in all the ways that files are written, and waits for every tenth state to be in the kernel."""
    for number in range(count):
        wanted = services(servers, draw)
        text = document(wanted)
        draw.choice([world.registry.replace, world.registry.save_like_vim, world.registry.write_in_place])(text)
        if number % 10 == 9:
            agent.wait_applied(*wanted, timeout=20)


def test_a_thousand_connections_live_through_all_that_an_agent_does(world, servers):
    draw = random.Random(1)
    first = services(servers, draw)
    world.registry.write(*first)
    agent = world.agent("--log-level", "info")
    agent.wait_applied(*first)
    load = load_of(world, f"{V4}:7")
    try:
        change(world, agent, servers, draw, CHANGES // 4)

        agent.kill()  # while it works on a change
        agent.start()
        change(world, agent, servers, draw, CHANGES // 4)

        world.registry.write(*services(servers, draw))
        assert agent.stop() == 0
        agent.start()
        change(world, agent, servers, draw, CHANGES // 4)

        agent.stop()
        agent.binaries = copy_of_binaries("second")
        agent.start()
        assert agent.status()["adopted"]
        change(world, agent, servers, draw, CHANGES // 4)

        agent.kill()
        load.no_more_connects()  # a service address means nothing once the mesh is gone
        agent.unload()
        assert world.place.pins() == []
    finally:
        outcome = load.outcome()
    assert_unharmed(outcome)


def test_ipv6_connections_from_another_namespace_live_through_kill_and_change(world):
    spaces = world.netns("s"), world.netns("c")
    servers = [world.keep(FlowEcho(world.place.root / f"echo{number}", netns, ipv6=True)) for number, netns in enumerate((spaces[0],))]
    draw = random.Random(2)
    first = services(servers, draw)
    world.registry.write(*first)
    agent = world.agent("--log-level", "info")
    agent.wait_applied(*first)
    load = load_of(world, f"[{V6}]:7", 200, netns=spaces[1])
    try:
        for _ in range(3):
            change(world, agent, servers, draw, 10)
            agent.kill()
            agent.start()
    finally:
        outcome = load.outcome()
    assert_unharmed(outcome, 200)


def test_agent_killed_at_any_moment_leaves_every_service_whole(world, servers):
    """The kill falls into reading, planning and applying alike. What the next agent finds is always enough to go on from."""
    draw = random.Random(3)
    first = services(servers, draw)
    world.registry.write(*first)
    agent = world.agent("--log-level", "info")
    agent.wait_applied(*first)
    load = load_of(world, f"{V4}:7", 50)
    try:
        for _ in range(20):
            wanted = services(servers, draw)
            world.registry.write(*wanted)
            pause(draw.random() * 0.03)
            agent.kill()
            agent.start()
            agent.wait_applied(*wanted, timeout=20)
            assert agent.api.post("/v1/reconcile") == {"operations": [], "errors": []}
    finally:
        outcome = load.outcome()
    assert_unharmed(outcome, 50)


def test_worker_killed_again_and_again_under_load(world, servers):
    draw = random.Random(4)
    first = services(servers, draw)
    world.registry.write(*first)
    agent = world.agent("--log-level", "info")
    agent.wait_applied(*first)
    load = load_of(world, f"{V4}:7", 100)
    try:
        for _ in range(5):
            before = agent.worker_pid()
            run("kill", "-KILL", before)
            wanted = services(servers, draw)
            world.registry.write(*wanted)
            agent.wait_status(lambda status, before=before: status["worker"]["state"] == "running" and status["worker"]["pid"] != before,
                              "a new worker", timeout=20)
            agent.wait_applied(*wanted, timeout=20)
    finally:
        outcome = load.outcome()
    assert_unharmed(outcome, 100)
