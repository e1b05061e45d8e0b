# SPDX-License-Identifier: Apache-2.0
"""Encryption between hosts while certificates, authorities, workers and rules change."""

import contextlib
import os
import socket

import pytest

from harness.authority import Authority
from harness.cgroup import Cgroup
from harness.echo import TcpEcho, read_line
from harness.load import Load
from harness.mesh import INBOUND, PORT, SERVICE, connect, encrypted, rules, served, start
from harness.process import wait_until


def believes(host, authority):
    """Whether a worker takes a certificate of this authority."""
    made, key = authority.issue("stranger")
    answer = host.netns.run("timeout", "5", "openssl", "s_client", "-quiet", "-tls1_3", "-connect", f"{host.address}:{INBOUND}", "-cert", made,
                            "-key", key, "-CAfile", host.tls / "authorities.pem", input="x", check=False)
    return "alert" not in answer.stderr


def test_certificates_and_authorities_are_replaced_under_load_and_nothing_fails(mesh):
    client, server = start(mesh)
    echo = server.keep(TcpEcho("b", server.address, server.netns))
    mesh.publish(encrypted(echo))
    load = client.keep(Load(client, tcp=(SERVICE, PORT)))
    new = Authority(client.place.root / "next", "next")

    def goes_on(more=200):
        before = load.new
        wait_until(lambda: load.failures or load.new >= before + more, lambda: f"{load.new} connections to become {more} more", timeout=30)
        assert not load.failures, (load.failures, client.agent.output(), server.agent.output())

    goes_on()
    for host in mesh.hosts:  # both believe both, then certificates of the new one, then the old one is believed no more
        host.trust(mesh.authority, new)
    for host in mesh.hosts:
        wait_until(lambda host=host: believes(host, new), "the new authority to be believed", timeout=20, interval=0.2)
    goes_on()
    for host in mesh.hosts:
        host.certify(new)
        goes_on()
    for host in mesh.hosts:
        host.trust(new)
    goes_on()
    assert not load.stop()
    assert load.new > 800


def test_a_bad_certificate_replaces_nothing(mesh):
    with served(mesh) as (client, _, __):
        bad = Authority(client.place.root / "stranger")
        client.certify(bad)
        wait_until(lambda: str(client.tls / "node.pem") in client.agent.output(), client.agent.output)
        with connect(client) as connection:
            assert read_line(connection) == "b"


def test_a_worker_that_dies_costs_what_it_carried_and_no_more(mesh):
    with served(mesh) as (client, _, __):
        connection = connect(client)
        assert read_line(connection) == "b"
        before = client.agent.worker_pid()
        os.kill(before, 9)
        with pytest.raises(ConnectionResetError):  # not an end that looks like one of the application
            assert connection.recv(1) == b"never"
        connection.close()
        with connect(client) as connection:  # waits for the next worker
            assert read_line(connection) == "b"
        assert client.agent.worker_pid() != before


# ---- Who may ----

def test_a_rule_for_an_identity_closes_what_it_no_longer_allows(mesh):
    with served(mesh) as (client, server, _):
        kept = connect(client)
        assert read_line(kept) == "b"
        rules(server, "{name: none, action: deny, from: {identity: 'spiffe://mesh.test/**'}, to: {service: web}}")
        with pytest.raises(ConnectionResetError):
            kept.recv(1)
        kept.close()
        assert server.figure("meshd_tls_denied_total", direction="inbound") >= 1
        with pytest.raises(ConnectionResetError), connect(client) as connection:  # or while it connects
            assert connection.recv(1) == b"never"
        checked = server.agent.meshctl("policy", "check", f"spiffe://mesh.test/node/{client.name}", "web", check=False)
        assert checked.returncode == 4 and "deny" in checked.stdout and "none" in checked.stdout, checked.stdout
        listed = server.agent.meshctl("policy", "list").stdout
        assert "spiffe://mesh.test/**" in listed

        rules(server, "{name: none, action: deny, from: {identity: 'spiffe://mesh.test/**'}, to: {service: web}}",
              f"{{name: one, action: allow, from: {{identity: 'spiffe://mesh.test/node/{client.name}'}}, to: {{service: web, port: {PORT}}}}}")
        wait_until(lambda: "one" in server.agent.meshctl("policy", "list").stdout, "the rule to be there")

        def passes():
            with connect(client) as connection, contextlib.suppress(OSError, AssertionError):
                return read_line(connection) == "b"
        wait_until(passes, server.agent.output)


def test_audit_counts_what_rules_for_identities_would_deny(mesh):
    client, server = mesh.hosts
    client.start()
    server.start(extra="policy: {mode: audit}\n")
    echo = server.keep(TcpEcho("b", server.address, server.netns))
    rules(server, "{name: none, action: deny, from: {identity: 'spiffe://mesh.test/**'}}")
    mesh.publish(encrypted(echo))
    with connect(client) as connection:
        assert read_line(connection) == "b"
    assert server.figure("meshd_tls_audited_total", direction="inbound") == 1
    assert server.figure("meshd_tls_denied_total", direction="inbound") == 0


def test_a_workload_goes_out_under_its_own_identity(mesh):
    """Known by its cgroup, whatever it says: the other host's rule lets in that one only."""
    client, server = mesh.hosts
    shop = client.keep(Cgroup("shop", client.place.cgroup.path))
    client.certify(mesh.authority, "shop", identity="shop/web")
    mount = str(client.place.cgroup.path.parent)
    client.start(identities=[{"name": "shop", "workload": str(shop.path)[len(mount):], "certificate": str(client.tls / "shop.pem"),
                              "key": str(client.tls / "shop.key")}])
    server.start()
    echo = server.keep(TcpEcho("b", server.address, server.netns))
    rules(server, "{name: none, action: deny, from: {identity: 'spiffe://mesh.test/**'}, to: {service: web}}",
          "{name: shop, action: allow, from: {identity: 'spiffe://mesh.test/shop/*'}, to: {service: web}}")
    mesh.publish(encrypted(echo))
    wait_until(lambda: "shop/*" in server.agent.meshctl("policy", "list").stdout, "the rule to be there")
    with pytest.raises(ConnectionResetError), connect(client) as connection:  # or while it connects
        assert connection.recv(1) == b"never"
    with shop.entered(), client.netns.entered():
        connection = socket.create_connection((SERVICE, PORT), 10)
    with connection:
        assert read_line(connection) == "b"
