# SPDX-License-Identifier: Apache-2.0
"""meshctl tls check: real handshakes from a node to the hosts of a service's backends, and what they tell."""

import json
import os
import re
import socket
import threading

import pytest

from harness.authority import TRUST_DOMAIN, Authority
from harness.echo import TcpEcho
from harness.mesh import INBOUND, PORT, encrypted, served, start
from harness.process import Process, run, wait_until
from harness.registry import backend, service


class Outcome:
    def __init__(self, host, *arguments):
        made = host.agent.meshctl("tls", "check", "web", *arguments, "-o", "json", check=False)
        self.code, self.answer = made.returncode, json.loads(made.stdout)

    @property
    def rows(self):
        return self.answer["backends"]

    @property
    def row(self):
        assert len(self.rows) == 1, self.answer
        return self.rows[0]


def endpoint(server):
    return f"{server.address}:{server.port}"


def believed(host):
    """A stranger at the place of the other host's worker answers for a backend there, and no agent does."""
    made = encrypted()
    made["backends"] = [backend(host.address, 9)]
    return made


def test_all_that_was_verified_is_told(mesh):
    with served(mesh) as (client, server, echo):
        seen = Outcome(client)
        row = seen.row
        assert (seen.code, row["result"], row["ok"], row["accepted"], row["connected"]) == (0, "ok", True, True, True), row
        assert (row["backend"], row["peer"], row["port"]) == (endpoint(echo), f"{server.address}:{INBOUND}", PORT)
        assert seen.answer["identity"] == f"spiffe://{TRUST_DOMAIN}/node/{client.name}"
        assert row["peer_identity"] == row["chain"][0]["identity"] == f"spiffe://{TRUST_DOMAIN}/node/{server.name}"
        assert (row["protocol"], row["group"], row["authority"]) == ("TLSv1.3", "x25519", "CN=root")
        assert row["cipher"].startswith("TLS_") and row["resumable"] and not row["revocation_lists"]
        assert [one["subject"] for one in row["chain"]] == ["CN=node", "CN=root"] and row["chain"][0]["key"] == "EC P-256"
        assert row["connect_us"] > 0 and row["handshake_us"] > 0
        assert (row["same_node"], row["encrypted"], row["policy"]["verdict"]) == (False, True, "allow")
        table = client.agent.meshctl("tls", "check", "web", endpoint(echo)).stdout
        assert "1 of 1 backend in order" in table and "CN=root" in table and row["peer_identity"] in table
        # Nothing of it was a connection of the service, and the other side's handshakes were good ones.
        assert server.figure("meshd_tls_handshakes_total", direction="inbound", result="ok") >= 2
        assert client.figure("meshd_tls_relays_total", direction="outbound") == 0


def test_a_backend_that_refuses_is_told_from_a_handshake_that_fails(mesh):
    with served(mesh) as (client, _, echo):
        echo.close()
        seen = Outcome(client)
        assert (seen.code, seen.row["result"], seen.row["accepted"], seen.row["connected"]) == (4, "not_served", True, False), seen.row
        assert seen.row["protocol"] == "TLSv1.3" and seen.row["chain"]


def impostor(mesh, made, *options):
    """openssl where the other host's worker would listen."""
    host = mesh.hosts[1]
    certificate, key = made
    process = host.keep(Process(["openssl", "s_server", "-accept", f"{host.address}:{INBOUND}", "-www", "-cert", certificate, "-key", key,
                                *options],
                                host.place.root / "logs/s_server", host.netns.enter))
    wait_until(lambda: f":{INBOUND}" in run("ss", "-Hltn", preexec_fn=host.netns.enter).stdout, process.output)
    return process


@pytest.mark.parametrize("wrong, result", [("expired", "expired"), ("authority", "unknown_ca"), ("domain", "wrong_trust_domain"),
                                           ("identity", "no_identity"), ("usage", "wrong_usage")])
def test_each_fault_of_the_other_side_has_its_name_and_remedy(mesh, wrong, result):
    client, server = mesh.hosts
    authority = Authority(server.place.root / "stranger", "stranger") if wrong == "authority" else mesh.authority
    keys = {"expired": {"days": -1}, "domain": {"names": "URI:spiffe://other.test/node"}, "identity": {"names": "DNS:h2.mesh.test"},
            "usage": {"usage": "clientAuth"}}.get(wrong, {})
    client.start()
    impostor(mesh, authority.issue("node", "node/h2", at=server.tls, **keys), "-tls1_3")
    mesh.publish(believed(server))
    seen = Outcome(client)
    assert (seen.code, seen.row["result"], seen.row["accepted"]) == (4, result, False), seen.row
    assert seen.row["remedy"] and seen.row["detail"] and seen.row["chain"][0]["not_after"]
    assert (seen.row["authority"] == "CN=root") == (wrong != "authority"), seen.row
    table = client.agent.meshctl("tls", "check", "web", check=False).stdout
    assert f"{server.address}:9: {result}: " in table and "0 of 1 backend in order" in table


def test_a_peer_that_refuses_our_certificate_is_told(mesh):
    """With TLS 1.3 this side's handshake is over by then."""
    client, server = mesh.hosts
    stranger = Authority(server.place.root / "stranger", "stranger")
    client.start()
    impostor(mesh, (server.tls / "node.pem", server.tls / "node.key"), "-tls1_3", "-Verify", "3", "-verify_return_error", "-CAfile",
             stranger.certificate)
    mesh.publish(believed(server))
    seen = Outcome(client)
    assert (seen.code, seen.row["result"], seen.row["accepted"]) == (4, "refused", False), seen.row
    assert re.search("alert|ca", seen.row["detail"])


def test_what_is_no_worker_or_not_there(mesh):
    client, server = mesh.hosts
    client.start()
    mesh.publish(believed(server))
    assert (Outcome(client).code, Outcome(client).row["result"]) == (4, "connect")
    impostor(mesh, (server.tls / "node.pem", server.tls / "node.key"), "-tls1_2")
    assert Outcome(client).row["result"] == "protocol"


def test_a_worker_that_dies_meanwhile_leaves_nobody_waiting(mesh):
    client, server = mesh.hosts
    client.start()
    with server.entered():
        silent = socket.create_server((server.address, INBOUND))
    with silent:
        mesh.publish(believed(server))
        seen = []
        asking = threading.Thread(target=lambda: seen.append(Outcome(client)))
        asking.start()
        silent.settimeout(10)
        taken, _ = silent.accept()
        os.kill(client.agent.worker_pid(), 9)
        asking.join(10)
        taken.close()
    assert seen and (seen[0].code, seen[0].row["result"]) == (4, "unanswered"), seen and seen[0].answer


def test_rules_that_this_node_knows_are_asked_too(mesh):
    with served(mesh) as (client, server, _):
        client.certify(mesh.authority, "shop", identity="shop/web")
        for host in (client, server):
            host.place.registry.replace("policies:\n  - {name: none, action: deny, from: {identity: 'spiffe://mesh.test/node/*'}, "
                                        "to: {service: web}}\n", "rules")
        wait_until(lambda: all("none" in host.agent.meshctl("policy", "list").stdout for host in mesh.hosts), "the rule to be there")
        row = Outcome(client).row
        assert (row["result"], row["accepted"], row["ok"], row["policy"]["verdict"], row["policy"]["rule"]["name"]) == (
            "not_served", True, False, "deny", "none"), row
        assert "rule none denies spiffe://mesh.test/node/h1" in client.agent.meshctl("tls", "check", "web", check=False).stdout
        client.settings(identities=[{"name": "shop", "user": "nobody", "certificate": str(client.tls / "shop.pem"),
                                     "key": str(client.tls / "shop.key")}])
        client.agent.reload()
        wait_until(lambda: "shop/web" in client.agent.meshctl("certificate", "list", check=False).stdout, "the identity's certificate")
        seen = Outcome(client, "--identity", "shop")
        assert (seen.code, seen.row["ok"], seen.answer["identity"]) == (0, True, f"spiffe://{TRUST_DOMAIN}/shop/web"), seen.answer


def test_revocation_lists_and_backends_of_this_host(mesh):
    client, server = start(mesh)
    near = client.keep(TcpEcho("a", client.address, client.netns))
    far = server.keep(TcpEcho("b", server.address, server.netns))
    mesh.publish(encrypted(near, far))
    seen = Outcome(client)
    assert [(row["result"], row["same_node"], row["encrypted"]) for row in seen.rows] == [("plain", True, False), ("ok", False, True)]
    assert seen.code == 0
    mesh.publish(encrypted(near, same_node="encrypt"))
    row = Outcome(client).row
    assert (row["result"], row["peer"], row["peer_identity"]) == ("ok", f"{client.address}:{INBOUND}", f"spiffe://{TRUST_DOMAIN}/node/h1")


def test_what_cannot_be_checked_is_said(mesh):
    client, server = start(mesh)
    echo = server.keep(TcpEcho("b", server.address, server.netns))
    plain = service("web", ["10.96.0.20"], PORT, [backend(echo.address, echo.port)])
    mesh.hosts[0].place.registry.write(plain)
    client.agent.wait_applied(plain)
    said = client.agent.meshctl("tls", "check", "web", check=False)
    assert said.returncode == 4 and "not encrypted, so there is nothing to check" in said.stdout
    mesh.publish(encrypted(echo))
    for arguments, words in ((("nowhere",), "there is no service"), (("web", "10.1.0.2:1"), "it has no backend"),
                             (("web", "--identity", "nobody"), "tls.identities names no nobody")):
        said = client.agent.meshctl("tls", "check", *arguments, check=False)
        assert said.returncode == 1 and words in said.stderr, said.stderr
    assert client.agent.meshctl("tls", "check", "web", "what", check=False).returncode == 2


def test_no_more_than_sixteen_unless_all_are_asked_for(mesh):
    client, server = start(mesh)
    echo = server.keep(TcpEcho("b", server.address, server.netns))
    made = encrypted(echo)
    made["backends"] += [backend(server.address, port) for port in range(1, 20)]
    mesh.publish(made)
    seen = Outcome(client)
    assert (len(seen.rows), len(seen.answer["left_out"]), seen.code) == (16, 4, 4)
    seen = Outcome(client, "--all")
    assert (len(seen.rows), seen.answer["left_out"]) == (20, [])
    assert [row["result"] for row in seen.rows] == ["ok"] + ["not_served"] * 19
