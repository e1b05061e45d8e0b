# SPDX-License-Identifier: Apache-2.0
"""Start, stop, crash, upgrade and removal of the agent, as its traffic sees them."""

import json
import os
import pathlib
import shutil
import signal
import socket
import threading

import pytest

from harness import echo
from harness.place import copy_of_binaries
from harness.process import run, wait_until
from harness.registry import backend, service

V4 = "10.96.0.50"


@pytest.fixture
def two(world):
    world.servers = [world.tcp_echo("a"), world.tcp_echo("b")]
    world.made = service("line", V4, 7, [backend("127.0.0.1", server.port) for server in world.servers])
    world.registry.write(world.made)
    world.running = world.agent()
    world.running.wait_applied(world.made)
    return world


class Hammer:
    """Connects without a pause until it is stopped, and keeps every failure. The whole process must be in the cgroup meanwhile."""

    def __init__(self):
        self.failures, self.done, self._stop = [], 0, threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._stop.is_set():
            with socket.socket() as connection:
                connection.settimeout(5)
                try:
                    connection.connect((V4, 7))
                    echo.read_line(connection)
                    self.done += 1
                except (OSError, AssertionError) as error:
                    self.failures.append(str(error))

    def stop(self):
        self._stop.set()
        self._thread.join()


def ids(agent):
    return {(name, port["id"], tuple(one["id"] for one in port["backends"])) for name, item in agent.services().items()
            for port in item["ports"]}


def link_ids(world):
    """Of the pinned links: a link that is the same was never detached."""
    # bpftool 7.5 (Debian 13) shows a pinned link well and exits with 255 all the same.
    found = {path.name: json.loads(run("bpftool", "link", "show", "pinned", path, "-j", check=False).stdout)["id"]
             for path in (world.place.maps.parent / "links").iterdir()}
    assert found
    return found


def test_restart_keeps_the_ids_and_never_detaches(two):
    before, links = ids(two.running), link_ids(two)
    assert two.running.stop() == 0
    assert echo.who(two, V4, 7) in ("a", "b"), "traffic goes on without an agent"
    two.running.start()
    two.running.wait_applied(two.made)
    assert ids(two.running) == before
    assert two.running.status()["adopted"]
    assert link_ids(two) == links


def test_backends_keep_their_ids_when_others_come_and_go(two):
    before = {(one["address"], one["port"]): one["id"] for one in two.running.service("line")["ports"][0]["backends"]}
    third = two.tcp_echo("c")
    made = dict(two.made, backends=[backend("127.0.0.1", third.port), *two.made["backends"]])
    two.registry.write(made)
    two.running.wait_applied(made)
    after = {(one["address"], one["port"]): one["id"] for one in two.running.service("line")["ports"][0]["backends"]}
    assert before.items() <= after.items()
    assert len(after) == 3


def test_killed_agent_leaves_traffic_working(two):
    two.running.kill()
    assert {echo.who(two, V4, 7) for _ in range(40)} == {"a", "b"}
    wait_until(lambda: not two.running.own_processes(), "the worker to end with its agent")


@pytest.mark.parametrize("way", ["kill", "stop"])
def test_no_connect_fails_through_end_and_start(two, way):
    with two.entered():
        hammer = Hammer()
        try:
            for _ in range(3):
                wait_until(lambda count=hammer.done: hammer.done > count + 50, "connections to be made")
                getattr(two.running, way)()
                wait_until(lambda count=hammer.done: hammer.done > count + 50, "connections to be made without an agent")
                two.running.start()
                two.running.wait_applied(two.made)
        finally:
            hammer.stop()
    assert not hammer.failures
    assert hammer.done > 300


def test_next_agent_takes_over_what_changed_while_there_was_none(two):
    two.running.kill()
    made = dict(two.made, backends=two.made["backends"][1:])
    two.registry.write(made)
    assert {echo.who(two, V4, 7) for _ in range(40)} == {"a", "b"}
    two.running.start()
    two.running.wait_applied(made)
    assert {echo.who(two, V4, 7) for _ in range(20)} == {"b"}


def test_upgrade_to_another_build(two):
    before = ids(two.running)
    two.running.stop()
    two.running.binaries = copy_of_binaries("second")
    two.running.start()
    two.running.wait_applied(two.made)
    assert ids(two.running) == before
    assert pathlib.Path(f"/proc/{two.running.process.pid}/exe").resolve().parent == two.running.binaries


def test_a_new_version_is_asked_before_it_takes_over(two):
    def asked(*options):
        return run(two.running.binaries / "meshd", "--check", *two.running.options, *options, check=False)
    before = ids(two.running)
    answer = asked()
    assert answer.returncode == 0 and "can begin here" in answer.stdout, answer
    assert ids(two.running) == before and two.running.status()["pid"] == two.running.process.pid

    wrong = two.place.root / "wrong.yaml"
    wrong.write_text("log: {level: loud}\n")
    assert "loud" in (refused := asked("--config", wrong)).stderr and refused.returncode == 1
    # A map as a later version might have it, in the place of one of ours.
    pin = two.place.maps / "md_halts"
    kept = pin.with_name("kept")
    run("mv", pin, kept)
    run("bpftool", "map", "create", pin, "type", "hash", "key", "4", "value", "4", "entries", "1", "name", "md_halts")
    answer = asked()
    assert answer.returncode == 1 and str(pin) in answer.stderr and "key 4 bytes" in answer.stderr, answer
    pin.unlink()
    run("mv", kept, pin)
    other = two.place.root / "bpf/meshd/v999"
    other.mkdir()
    assert "ABI version v999" in (refused := asked()).stderr and refused.returncode == 1
    other.rmdir()
    assert asked().returncode == 0 and ids(two.running) == before


def test_unload_removes_everything_and_connections_live_on(two):
    with echo.connect(two, V4, 7) as connection:
        echo.read_line(connection)
        assert two.place.pins()
        two.running.stop()
        assert two.place.pins(), "only --unload removes"
        two.running.unload()
        assert two.place.pins() == []
        # The kernel lets go of a link after whoever removed its pin has gone on.
        wait_until(lambda: "md_" not in run("bpftool", "cgroup", "show", two.cgroup.path).stdout, "programs to be detached")
        connection.sendall(b"still here")
        assert connection.recv(100) == b"still here"
    with pytest.raises(OSError), echo.tcp_socket(two, netns=two.netns(), timeout=0.5) as connection:
        connection.connect((V4, 7))


def test_unload_twice_is_no_error(two):
    two.running.stop()
    two.running.unload()
    two.running.unload()


def test_start_after_unload_is_a_fresh_start(two):
    two.running.stop()
    two.running.unload()
    two.running.start()
    two.running.wait_applied(two.made)
    assert not two.running.status()["adopted"]
    assert echo.who(two, V4, 7) in ("a", "b")


def test_last_known_state_holds_when_the_registry_is_away_at_the_start(two):
    two.running.stop()
    shutil.move(two.registry.directory, two.place.root / "away")
    two.running.start()
    assert {echo.who(two, V4, 7) for _ in range(40)} == {"a", "b"}
    shutil.move(two.place.root / "away", two.registry.directory)
    two.running.wait_applied(two.made, timeout=15)


def test_a_killed_worker_is_started_again_and_costs_no_connection(two):
    with echo.connect(two, V4, 7) as connection:
        echo.read_line(connection)
        before = two.running.worker_pid()
        os.kill(before, signal.SIGKILL)
        assert echo.who(two, V4, 7) in ("a", "b")
        two.running.wait_status(lambda status: status["worker"]["state"] == "running" and status["worker"]["pid"] != before,
                                "a new worker")
        assert two.running.status()["worker"]["restarts"] == 1
        connection.sendall(b"still here")
        assert connection.recv(100) == b"still here"
    made = dict(two.made, backends=two.made["backends"][:1])
    two.registry.write(made)
    two.running.wait_applied(made)


def test_worker_runs_without_privilege(two):
    status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{two.running.worker_pid()}/status").read_text().splitlines()
                  if ":\t" in line)
    assert status["Uid"].split() == ["65534"] * 4
    assert status["NoNewPrivs"] == "1"
    assert int(status["CapEff"], 16) == 0
