# SPDX-License-Identifier: Apache-2.0
"""Who takes the short way and who does not, pausing, removal under load, and the differences to TCP that docs/acceleration.md
names."""

import json
import os
import socket
import threading
import time

import pytest

from harness.line import PORT, V4, Line, receive, talk
from harness.process import wait_until
from harness.registry import backend


@pytest.mark.parametrize("ipv6", [False, True], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("apart", [False, True], ids=["one namespace", "two namespaces"])
def test_bytes_of_a_named_service_take_the_short_way(world, ipv6, apart):
    line = Line(world, ipv6=ipv6, netns=world.netns("s") if apart else None)
    with line.connection(world.netns("c") if apart else None) as (client, server):
        talk(client, server)
        assert line.top()["bytes_short"] == 2000
        assert line.top()["connections"] == 1
        assert line.agent.status()["acceleration"]["connections"] == 1
    wait_until(lambda: line.top()["connections"] == 0, "the pair to be forgotten")
    assert (line.top()["bytes_short"], line.top()["opened"], line.why()) == (2000, 1, {})


def test_who_names_no_service_stays_on_tcp(world):
    line = Line(world)
    with line.connection(direct=True) as (client, server):
        talk(client, server)
    assert line.why("") == {"no_service": 1}
    assert line.top()["opened"] == 0


def test_the_default_is_what_the_mode_says(world):
    line = Line(world, entry={})
    with line.connection() as (client, server):
        talk(client, server)
    assert line.top()["opened"] == (1 if line.short.mode == "on" else 0)
    assert line.why() == ({} if line.short.mode == "on" else {"not_named": 1})


@pytest.mark.parametrize("exclusion", ["service: line", "port: {port}", "user: root", "cgroup: /{cgroup}"])
def test_what_configuration_excludes_stays_on_tcp(world, exclusion):
    line = Line(world)
    text = exclusion.format(port=line.listener.getsockname()[1], cgroup=world.cgroup.path.name)
    (world.place.root / "meshd.yaml").write_text("acceleration:\n  exclude:\n    - " + text + "\n")
    line.agent.reload()
    wait_until(lambda: line.agent.api.get("/v1/acceleration")["exclude"], "the exclusion to be read")
    with line.connection() as (client, server):
        talk(client, server)
    assert line.why() == {"excluded": 1}
    assert line.top()["bytes_short"] == 0


def test_an_application_is_not_taken_for_the_worker_by_its_priority(world):
    """What the worker opens for clients of the edge has a priority that any process may give its sockets."""
    line = Line(world)
    (world.place.root / "meshd.yaml").write_text("acceleration:\n  exclude:\n    - user: root\n")
    line.agent.reload()
    wait_until(lambda: line.agent.api.get("/v1/acceleration")["exclude"], "the exclusion to be read")
    with line.connection(priority=6) as (client, server):
        talk(client, server)
    assert line.why() == {"excluded": 1}


def test_pause_and_resume_move_an_open_connection(world):
    line = Line(world)
    with line.connection() as (client, server):
        talk(client, server)
        line.agent.meshctl("acceleration", "pause", "--service", "line")
        talk(client, server)
        assert line.why() == {"paused": 2}
        line.agent.meshctl("acceleration", "resume", "--service", "line")
        talk(client, server)
        assert line.top()["bytes_short"] == 4000
        line.agent.meshctl("acceleration", "pause", "--for", "1s")
        talk(client, server)
        assert line.top()["bytes_short"] == 4000
        wait_until(lambda: not line.agent.api.get("/v1/acceleration")["paused"], "the pause to end by itself")
        talk(client, server)
        assert line.top()["bytes_short"] == 6000


def test_mode_off_moves_open_connections_to_tcp_at_once(world):
    line = Line(world)
    with line.connection() as (client, server):
        talk(client, server)
        (world.place.root / "meshd.yaml").write_text("acceleration: {mode: off}\n")
        line.agent.reload()
        wait_until(lambda: line.agent.api.get("/v1/acceleration")["mode"] == "off", "mode off")
        talk(client, server)
        assert line.top()["bytes_short"] == 2000
    assert 'meshd_acceleration_mode{mode="off"} 1' in line.agent.metrics()


def test_a_mode_that_the_kernel_does_not_allow_is_said(world):
    line = Line(world, settings="acceleration: {mode: on}\n")
    wanted = [row for row in line.agent.status()["degraded"] if row["feature"] == "acceleration"]
    assert bool(wanted) == (line.short.mode != "on")


def test_unload_loses_no_byte_that_waits(world):
    line = Line(world)
    with line.connection() as (client, server), line.connection() as (other, reader):
        talk(client, server)
        client.sendall(b"waiting")
        talk(other, reader)
        line.agent.stop()
        unload = threading.Thread(target=line.agent.unload)
        unload.start()
        assert receive(server, 7) == b"waiting"
        unload.join()
        for one, two in ((client, server), (other, reader)):
            talk(one, two)
    assert world.place.pins() == []


def test_unload_leaves_bytes_of_a_reader_that_does_not_read(world):
    line = Line(world)
    with line.connection() as (client, server):
        client.sendall(b"waiting")
        line.agent.stop()
        assert "1 connections keep bytes" in line.agent.unload().stdout
        client.sendall(b", still")
        assert receive(server, 14) == b"waiting, still"


def test_killed_agent_leaves_the_short_way_at_work(world):
    line = Line(world)
    with line.connection() as (client, server):
        line.agent.kill()
        talk(client, server)
        with line.connection() as (other, reader):
            talk(other, reader)
        line.agent.start()
        talk(client, server)
        assert line.top()["bytes_short"] == 6000


def state_of_pause(line, what):
    """Until when the service or the node is paused, as the agent says; None when it is not."""
    if what:
        row = line.top()
        return row["until"] if row["state"] == "paused" else None
    view = line.agent.api.get("/v1/acceleration")
    return view["paused_until"] if view["paused"] else None


WHAT = pytest.mark.parametrize("what", [("--service", "line"), ()], ids=["service", "node"])


@WHAT
def test_a_pause_outlives_its_agent_and_ends_at_its_time(world, what):
    line = Line(world)
    with line.connection() as (client, server):
        talk(client, server)
        line.agent.meshctl("acceleration", "pause", *what, "--for", "5s")
        ends = time.monotonic() + 5
        line.agent.kill()
        talk(client, server)
        line.agent.start()
        assert state_of_pause(line, what)
        talk(client, server)
        assert (line.top()["bytes_short"], line.why()) == (2000, {"paused": 4})
        wait_until(lambda: state_of_pause(line, what) is None, "the pause to end by itself", timeout=10)
        assert ends - 1 < time.monotonic() < ends + 3
        talk(client, server)
        assert line.top()["bytes_short"] == 4000


@WHAT
def test_a_pause_without_end_outlives_its_agent_until_it_is_resumed(world, what):
    line = Line(world)
    with line.connection() as (client, server):
        line.agent.meshctl("acceleration", "pause", *what)
        line.agent.kill()
        line.agent.start()
        assert state_of_pause(line, what) == ""
        talk(client, server)
        assert line.top()["bytes_short"] == 0
        line.agent.meshctl("acceleration", "resume", *what)
        talk(client, server)
        assert line.top()["bytes_short"] == 2000


def checks(line):
    return {check["name"]: check["passed"] for check in line.short.state["selftest"]["checks"]}


def test_splice_out_does_what_the_self_test_says(world):
    line = Line(world)
    with line.connection() as (client, server):
        client.sendall(b"x" * 100)
        server.setblocking(False)
        source, sink = os.pipe()
        try:
            moved = os.splice(server.fileno(), sink, 100)
        except BlockingIOError:
            moved = 0
        finally:
            os.close(source)
            os.close(sink)
    assert (moved == 100) == checks(line)["splice_out"]


def test_waitall_does_what_the_self_test_says(world):
    line = Line(world)
    with line.connection() as (client, server):
        client.sendall(b"x" * 10)
        later = threading.Timer(0.2, client.sendall, [b"y" * 10])
        later.start()
        got = len(server.recv(20, socket.MSG_WAITALL))
        later.join()
    assert (got == 20) == checks(line)["wait_for_all"]


def test_a_peer_that_closed_is_met_as_over_tcp_one_message_later(world):
    """TCP sends RST at once when bytes are unread; the short way sends FIN, and the next message meets the RST."""
    line = Line(world)
    with line.connection() as (client, server):
        client.sendall(b"never read")
        server.close()
        assert client.recv(1) == b""
        client.send(b"x")
        wait_until(lambda: broken(client), "the error that TCP gives")


def broken(client):
    try:
        client.send(b"x")
        return False
    except (BrokenPipeError, ConnectionResetError):
        return True


def test_self_test_by_hand_prints_each_check(world):
    line = Line(world)
    done = line.agent.meshctl("acceleration", "selftest", "-o", "json", check=False)
    answer = json.loads(done.stdout)
    assert answer["mode"] == line.short.mode
    failed = [check["name"] for check in answer["selftest"]["checks"] if not check["passed"]]
    assert done.returncode == (4 if failed else 0)
    assert all(check["expected"] and check["seen"] for check in answer["selftest"]["checks"])


def test_a_peer_on_another_host_is_never_enrolled(world):
    """What no hook of this agent sees is elsewhere: the listener is outside of the agent's cgroup."""
    line = Line(world)
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        entry = line.entry | {"backends": [backend("127.0.0.1", elsewhere.getsockname()[1])]}
        world.registry.write(entry)
        line.agent.wait_applied(entry)
        with world.entered():
            client = socket.create_connection((V4, PORT), timeout=10)
        with client:
            server, _ = elsewhere.accept()
            with server:
                talk(client, server)
                assert line.agent.api.get("/v1/acceleration/top")["pairs"] == []
    assert line.why() == {"peer_elsewhere": 1}


PORTS = 5001, 5002  # of the client and of the server, the same in both namespaces


class Half:
    """A connection in a namespace of its own, between addresses and ports that another namespace uses, too."""

    def __init__(self, world, name, dropped):
        self.world, self.netns = world, world.netns(name)
        with world.entered(self.netns):
            self.listener = world.keep(socket.create_server(("127.0.0.1", PORTS[1])))
            self.client = world.keep(socket.socket())
            self.client.bind(("127.0.0.1", PORTS[0]))
        self.nft("add table t; add chain t c { type filter hook output priority 0; }; add rule t c " + dropped + " drop")

    def nft(self, text):
        self.world.client("nft", text, netns=self.netns)

    def connect(self):
        self.client.setblocking(False)
        with self.world.entered(self.netns):
            self.client.connect_ex((V4, PORT))

    def finish(self):
        self.nft("delete table t")
        self.listener.settimeout(20)
        server, _ = self.listener.accept()
        return self.world.keep(server)


def test_equal_addresses_in_two_namespaces_are_two_connections(world):
    """The client of one is established, its server not yet, when the server of the other is: they must not be taken for a pair."""
    line = Line(world)
    entry = line.entry | {"backends": [backend("127.0.0.1", PORTS[1])]}
    world.registry.write(entry)
    line.agent.wait_applied(entry)
    last = Half(world, "b", f"tcp sport {PORTS[1]} tcp flags syn,ack / syn,ack")
    last.connect()
    first = Half(world, "a", f"tcp sport {PORTS[0]} tcp flags ack / syn,ack")
    first.connect()
    wait_until(lambda: first.client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) == b"\x01", "the first client to be established")
    server = last.finish()
    first.client.send(b"of the first")
    last.client.setblocking(True)
    last.client.sendall(b"of the last")
    server.settimeout(10)
    assert receive(server, 11) == b"of the last"
    assert line.why()["identity"] == 1
    assert receive(first.finish(), 12) == b"of the first"
