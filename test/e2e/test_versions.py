# SPDX-License-Identifier: Apache-2.0
"""From what an agent of the first ABI version left at work to this one, and back, as its traffic sees it."""

import json
import time

import pytest

from harness import echo
from harness.place import build_directory
from harness.process import run
from harness.registry import backend, service
from test_life import V4, Hammer, ids

FIRST_SERVICE, FIRST_BACKEND = 5, 77


@pytest.fixture
def old(world):
    """A node with the programs and maps of then, and no agent."""
    world.server = world.tcp_echo("a")
    world.made = service("line", V4, 7, [backend("127.0.0.1", world.server.port)])
    world.registry.write(world.made)
    run(build_directory() / "pin-first-layout", world.place.root / "bpf/meshd", world.cgroup.path, "line", V4, "7", "127.0.0.1",
        world.server.port)
    world.running = world.agent(start=False)
    yield world
    if world.running.process:
        world.running.stop()
    world.running.unload()
    assert world.place.pins() == []


def meshd(world, *options, check=True):
    return run(world.running.binaries / "meshd", *options, *world.running.options, check=check)


def programs(world):
    """Ids of those that are attached, by hook."""
    return {one["attach_type"]: one["id"] for one in json.loads(run("bpftool", "-j", "cgroup", "show", world.cgroup.path).stdout)}


def test_there_and_back_without_a_failed_connection(old):
    before = programs(old)
    assert set(before) == {"cgroup_inet4_connect", "cgroup_inet4_getpeername"}
    with old.entered():
        hammer = Hammer()
        with echo.connect(old, V4, 7) as first:
            echo.read_line(first)
            assert first.getpeername() == (V4, 7)

            told = meshd(old, "--check").stdout
            assert "can begin here" in told and "md_sock_peer" in told and "md_tables" in told
            old.running.start()
            old.running.wait_applied(old.made)
            assert "took over from ABI version 1" in old.running.output()
            assert "ABI version 1 are kept" in old.running.meshctl("doctor", check=False).stdout
            assert ids(old.running) == {("line", FIRST_SERVICE, (FIRST_BACKEND,))}
            assert not set(before.values()) & set(programs(old).values())
            assert first.getpeername() == (V4, 7)
            refused = meshd(old, "--roll-back", check=False)
            assert refused.returncode == 1 and "another meshd" in refused.stderr, refused

            with echo.connect(old, V4, 7) as second:
                echo.read_line(second)
                old.running.stop()
                assert "ABI version 1 is back" in meshd(old, "--roll-back").stdout
                assert programs(old) == before
                assert first.getpeername() == second.getpeername() == (V4, 7)
                again = meshd(old, "--roll-back", check=False)
                assert again.returncode == 1 and "no older version" in again.stderr

                old.running.start()
                old.running.wait_applied(old.made)
                for connection in (first, second):
                    assert connection.getpeername() == (V4, 7)
                    connection.sendall(b"still here")
                    assert connection.recv(100) == b"still here"
        hammer.stop()
    assert hammer.done > 20 and hammer.failures == []
    assert "ABI version 1" in meshd(old, "--forget-previous").stdout
    assert not list((old.place.root / "bpf").glob("meshd-v*"))
    assert "nothing is kept" in meshd(old, "--forget-previous").stdout


def test_an_agent_that_cannot_begin_leaves_the_old_one_at_work(old):
    before = programs(old)
    (old.place.root / "run/control.sock").mkdir()
    old.running.launch()
    assert old.running.process.wait() != 0
    (old.place.root / "run/control.sock").rmdir()
    assert programs(old) == before
    assert not list((old.place.root / "bpf").glob("meshd-v*"))
    assert {path.name for path in (old.place.root / "bpf/meshd").iterdir()} == {"v1"}
    with old.entered(), echo.connect(old, V4, 7) as connection:
        echo.read_line(connection)
        assert connection.getpeername() == (V4, 7)


@pytest.mark.parametrize("moment", [0.1, 0.4, 0.7, 1.0])
def test_an_agent_that_is_killed_at_its_start_leaves_a_node_that_serves(old, moment):
    with old.entered():
        hammer = Hammer()
        with echo.connect(old, V4, 7) as first:
            echo.read_line(first)
            old.running.launch()
            time.sleep(moment)  # somewhere between its first system call and the first answer
            old.running.kill()
            assert first.getpeername() == (V4, 7)
            old.running.start()
            old.running.wait_applied(old.made)
            assert first.getpeername() == (V4, 7)
        hammer.stop()
    assert hammer.done > 0 and hammer.failures == []
