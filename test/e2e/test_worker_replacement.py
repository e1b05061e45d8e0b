# SPDX-License-Identifier: Apache-2.0
"""A worker gives its place to another one, or its agent ends: what it carries goes on."""

import contextlib
import os
import signal
import socket

import pytest

from harness.echo import TcpEcho, read_line
from harness.load import Load
from harness.mesh import PORT, SERVICE, connect, encrypted, rules
from harness.process import thread_states, wait_until
from harness.service_manager import supervise

_seen = set()  # workers that may have been retired
TIMEOUT = ("--worker-shutdown-timeout", "60s")


@contextlib.contextmanager
def serving(mesh, *options):
    client, server = mesh.hosts
    for host in mesh.hosts:
        host.start(*(options or TIMEOUT))
    try:
        echo = server.keep(TcpEcho("b", server.address, server.netns))
        mesh.publish(encrypted(echo))
        yield client, server, echo
    finally:
        # A connection that a peer keeps ready holds a retired worker for some seconds.
        for host in mesh.hosts:
            _seen.add(host.agent.worker_pid())
            host.agent.stop()
        for pid in _seen:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)  # which ends it, whatever it carries
        for pid in _seen:
            wait_until(lambda pid=pid: not is_there(pid), f"{pid} to end")
        _seen.clear()


def retired(host):
    return [one["pid"] for one in host.agent.status()["worker"]["retired"]]


def replace(host):
    before = host.agent.worker_pid()
    _seen.add(before)
    answer = host.agent.meshctl_json("worker", "replace")
    assert answer["pid"] == host.agent.worker_pid() != before
    return before


def says(connection, text):
    connection.sendall(text.encode() + b"\n")
    return read_line(connection) == text


def is_there(pid):
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return set(thread_states(pid)) != {"Z"}
    return False


def test_replacements_under_load_are_not_noticed(mesh):
    with serving(mesh) as (client, server, _):
        kept = connect(client)
        assert read_line(kept) == "b"
        load = client.keep(Load(client, tcp=(SERVICE, PORT)))
        firsts = []
        for host in (client, server, client, server):
            first = replace(host)
            firsts.append(first)
            before = load.new
            wait_until(lambda before=before: load.failures or load.new > before + 100, lambda: f"{load.new} connections", timeout=30)
            assert not load.failures, (load.failures, client.agent.output(), server.agent.output())
            assert says(kept, f"after {first}")
        assert retired(client)[0] == firsts[0] and retired(server)[0] == firsts[1]
        listed = client.agent.meshctl("worker", "list").stdout
        assert "retired" in listed and f"{client.agent.worker_pid()}" in listed, listed
        assert not load.stop()
        assert says(kept, "still")
        kept.close()
        wait_until(lambda: not retired(client), lambda: f"{retired(client)} to end:\n{client.agent.output()}")
        assert not is_there(firsts[0]) and not is_there(firsts[2])
        assert "meshd_" in client.agent.metrics()
        assert client.agent.status()["worker"]["restarts"] == 0


def test_connections_have_their_time_and_no_more(mesh):
    with serving(mesh, "--worker-shutdown-timeout", "1s") as (client, _, __):
        kept = connect(client)
        assert read_line(kept) == "b"
        first = replace(client)
        with pytest.raises(ConnectionResetError):
            kept.recv(1)
        wait_until(lambda: not is_there(first), "it to end")
        assert "have had their time" in client.agent.output()


def test_a_worker_that_does_not_begin_takes_no_place(mesh):
    with serving(mesh) as (client, server, _):
        kept = connect(client)
        assert read_line(kept) == "b"
        first = client.agent.worker_pid()
        beside = client.agent.binaries / "meshd-userspace.kept"
        binary = client.agent.binaries / "meshd-userspace"
        binary.rename(beside)
        try:
            binary.write_text("#!/bin/sh\nexit 3\n")
            binary.chmod(0o755)
            refused = client.agent.meshctl("worker", "replace", check=False)
            assert refused.returncode == 1 and "exited with status 3" in refused.stderr and "goes on" in refused.stderr, refused
        finally:
            beside.rename(binary)
        assert client.agent.worker_pid() == first and retired(client) == []
        assert says(kept, "same")
        replace(client)
        assert says(kept, "later")
        kept.close()


def test_what_a_retired_worker_carries_is_held_to_rules_that_come_later(mesh):
    with serving(mesh) as (client, server, _):
        kept = connect(client)
        assert read_line(kept) == "b"
        replace(server)
        assert says(kept, "allowed")
        rules(server, "{name: none, action: deny, from: {identity: 'spiffe://mesh.test/**'}, to: {service: web}}")
        with pytest.raises(ConnectionResetError):
            kept.recv(1)
        kept.close()


def test_connections_outlive_the_agents_that_carry_them(mesh):
    with serving(mesh) as (client, server, _):
        kept = connect(client)
        assert read_line(kept) == "b"
        workers = []
        for host in (client, server):
            workers.append(host.agent.worker_pid())
            _seen.update(workers)
            host.agent.stop()
            assert says(kept, f"without {host.name}")
            host.agent.start()
            host.agent.wait_status(lambda status: status["worker"]["state"] == "running", "the next worker")
        assert all(is_there(pid) for pid in workers) and says(kept, "with both")
        with connect(client) as other:
            assert read_line(other) == "b"
        kept.close()
        wait_until(lambda: not is_there(workers[0]), "the client's to end")


def test_a_person_ends_a_worker_that_outlived_its_agent(mesh):
    with serving(mesh) as (client, _, __):
        kept = connect(client)
        assert read_line(kept) == "b"
        worker = client.agent.worker_pid()
        client.agent.stop()
        assert says(kept, "carried on") and is_there(worker)
        os.kill(worker, signal.SIGTERM)
        wait_until(lambda: not is_there(worker), "it to end though it carries a connection")
        with pytest.raises(ConnectionResetError):
            kept.recv(1)
        client.agent.start()


def supervised(host):
    """Its agent is run by a service manager that keeps listeners, from its next start on."""
    manager = supervise(host)
    _seen.add(host.agent.worker_pid())
    host.agent.stop()
    host.agent.start()
    wait_until(lambda: {"inbound", "outbound"} <= set(manager.names()), lambda: f"listeners to be kept: {manager.states}")
    return manager


def restart(host, end):
    _seen.add(host.agent.worker_pid())
    end()
    host.agent.start()


def test_agents_are_restarted_under_load_and_nothing_fails(mesh):
    with serving(mesh) as (client, server, _):
        for host in (client, server):
            supervised(host)
        kept = connect(client)
        assert read_line(kept) == "b"
        load = client.keep(Load(client, tcp=(SERVICE, PORT)))
        for host in (client, server):
            restart(host, host.agent.stop)
            before = load.new
            wait_until(lambda before=before: load.failures or load.new > before + 50, lambda: f"{load.new} connections", timeout=30)
            assert not load.failures, (load.failures, client.agent.output(), server.agent.output())
            assert says(kept, f"after {host.name}")
        assert not load.stop()
        kept.close()


def test_who_connects_while_a_killed_agent_is_away_waits_for_the_next(mesh):
    with serving(mesh) as (client, _, __):
        supervised(client)
        client.agent.kill()
        waiting = connect(client)
        client.agent.start()
        assert read_line(waiting) == "b"
        waiting.close()


def test_what_a_manager_kept_and_nobody_wants_is_closed(mesh):
    with serving(mesh) as (client, _, __):
        manager = supervised(client)
        client.agent.stop()
        text = client.settings(outbound_port=15011).read_text()
        assert "15011" in text
        read_end, write_end = os.pipe()
        os.close(write_end)
        manager.store.append(("edge/gone", read_end))
        client.agent.start()
        wait_until(lambda: manager.names() == ["inbound", "outbound"], lambda: f"the pipe to be dropped: {manager.store}")
        with client.netns.entered():
            ports = {socket.socket(fileno=os.dup(one)).getsockname()[1] for name, one in manager.store if name == "outbound"}
        assert ports == {15011}
        with connect(client) as connection:
            assert read_line(connection) == "b"
