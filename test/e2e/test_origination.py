# SPDX-License-Identifier: Apache-2.0
"""Plain inside, TLS to backends outside of the mesh: the worker is their client, and the application sees nothing of it."""

import hashlib
import json
import os
import signal
import socket
import threading

import pytest

from harness.authority import Authority
from harness.echo import TcpEcho, read_line
from harness.edge import Edge, route
from harness.load import Load
from harness.mesh import INBOUND, PORT, SERVICE, USER, connect, encrypted
from harness.outside import NAME, Outside, originated
from harness.process import run, wait_until
from harness.wire import Capture


@pytest.fixture
def outside(mesh):
    return Outside(mesh)


# ---- That it is the servers' client ----

def test_a_node_without_certificates_of_the_mesh_speaks_tls_for_its_applications(outside):
    client = outside.start().client
    server = outside.nginx()
    outside.publish(originated(server))
    wire = Capture(outside.host)
    assert outside.answer()[:4] == ["outside", "TLSv1.3", NAME, "NONE"]
    with connect(client) as connection:
        assert connection.getpeername() == (SERVICE, PORT)
    seen = wire.stop()
    assert len(seen) > 1000 and b"HTTP/1.1" not in seen and b"GET /" not in seen
    assert outside.result("ok") >= 1
    assert f":{INBOUND}" not in run("ss", "-Hltn", preexec_fn=client.netns.enter).stdout
    assert not [one for one in client.agent.status()["degraded"] if one["feature"] == "tls"]
    assert NAME in client.agent.meshctl("service", "show", "api", "-o", "wide").stdout
    # The server need not show its certificate again.
    wait_until(lambda: outside.answer()[4] == "r", "a session to be resumed")
    client.agent.stop()
    client.agent.start()
    assert outside.answer()[0] == "outside"  # at once, as before
    # Whom nobody has named here is not asked.
    outside.publish(originated(server, credentials="other"))
    assert client.curl(check=False).returncode != 0
    assert client.figure("meshd_tls_refused_total", direction="outbound") >= 1
    assert "credentials other" in client.agent.output()


def test_a_backend_of_this_host_is_led_through_the_worker_beside_services_of_the_mesh(mesh, outside):
    client = outside.start(tls=True).client
    mesh.hosts[1].start()
    web = mesh.hosts[1].named("mesh")
    both = originated(outside.nginx(host=client)), encrypted(web) | {"addresses": ["10.96.0.30"]}
    mesh.publish(*both)
    assert outside.answer()[:3] == ["outside", "TLSv1.3", NAME]
    assert client.curl(address="10.96.0.30").stdout == "mesh\n"
    assert client.agent.status()["events"]["clear_text_refused"] == 0
    assert mesh.hosts[1].figure("meshd_tls_relays_total", direction="inbound") == 1


def test_clients_of_an_edge_listener_reach_outside_backends(mesh, outside):
    edge = Edge(mesh)
    edge.listener(route("shop.test", to="api"), certificates=[edge.certify("shop", "shop.test")])
    outside.start(extra=edge.text())
    outside.publish(originated(outside.nginx()))
    edge.wait_open()
    assert edge.curl().stdout.split()[:3] == ["outside", "TLSv1.3", NAME]


def test_versions_protocols_and_certificates_are_those_that_are_asked_for(outside):
    client = outside.client
    made, key = outside.authority.issue("partner", names="DNS:client.example.test", usage="clientAuth", owner=USER, at=client.tls)
    outside.start(certificate=str(made), key=str(key))
    asks = f"ssl_client_certificate {outside.authority.certificate}; ssl_verify_client on;"
    old = outside.openssl("-tls1_2")
    outside.publish(originated(outside.nginx(options=asks), alpn=["http/1.1"]), originated(old, name="old", address="10.96.0.30"),
                    originated(old, name="new", address="10.96.0.31", min_version="1.3"),
                    originated(outside.nginx(certificate=outside.certificate(f"IP:{outside.host.address}")), name="nameless",
                               address="10.96.0.32", server_name=None))
    answer = outside.answer()
    assert (answer[3], answer[5]) == ("SUCCESS", "http/1.1")

    def resumed():
        with connect(client, "10.96.0.30") as connection:
            connection.sendall(b"hello\n")
            assert read_line(connection) == "olleh"
        return client.figure("meshd_tls_resumed_total", direction="outbound") >= 1
    wait_until(resumed, "a session of TLS 1.2 to be taken up")
    checked = json.loads(client.agent.meshctl("tls", "check", "old", "-o", "json").stdout)
    assert (checked["ok"], checked["identity"], checked["backends"][0]["protocol"]) == (True, "CN=partner", "TLSv1.2"), checked
    outside.refused("protocol", "10.96.0.31")
    assert outside.answer("10.96.0.32")[:3] == ["outside", "TLSv1.3", "NONE"]
    row = outside.credentials()
    assert (row["whose"], row["name"], row["state"], row["certificate"]) == ("outside", "outside", "ok", str(made)), row


# ---- Who is not believed ----

def test_servers_that_are_not_the_ones_meant_are_refused(outside):
    client = outside.start().client
    asks = f"ssl_client_certificate {outside.authority.certificate}; ssl_verify_client on;"
    good = outside.nginx()
    servers = {
        "wrong_name": originated(outside.nginx(certificate=outside.certificate("DNS:other.example.test"))),
        "expired": originated(outside.nginx(certificate=outside.certificate(days=-1))),
        "unknown_ca": originated(outside.nginx(certificate=outside.certificate(authority=Authority(outside.host.place.root / "other", "other")))),
        "wrong_usage": originated(outside.nginx(certificate=outside.certificate(usage="clientAuth"))),
        "refused": originated(outside.openssl("-Verify", "1", "-verify_return_error", "-CAfile", outside.authority.certificate)),
        "protocol": originated(outside.host.named("plain")),
    }
    addresses = {}
    for number, (reason, made) in enumerate(servers.items()):
        addresses[reason] = f"10.96.1.{number}"
        made |= {"name": reason, "addresses": [addresses[reason]]}
    # By its address, which its certificate is not for; and by the authorities of the system, who do not know ours.
    others = [originated(good, name="nameless", address="10.96.1.20", server_name=None),
              originated(good, name="system", address="10.96.1.21", credentials=None)]
    outside.publish(*servers.values(), *others, originated(outside.nginx(options=asks), name="asks", address="10.96.1.22"))
    for reason, address in addresses.items():
        outside.refused(reason, address)
    outside.refused("wrong_name", "10.96.1.20")
    outside.refused("unknown_ca", "10.96.1.21")
    assert "400" in client.curl(address="10.96.1.22").stdout  # nginx says it in HTTP
    log = client.agent.output()
    assert "wrong_name" in log and f"it is not for {NAME}" in log

    def checked(service):
        made = client.agent.meshctl("tls", "check", service, "-o", "json", check=False)
        return made.returncode, json.loads(made.stdout)["backends"][0]
    code, row = checked("asks")
    assert (code, row["result"], row["protocol"]) == (0, "ok", "TLSv1.3"), row
    assert row["authority"] == "CN=outside" and row["chain"] and row["policy"] is None
    for reason in addresses:
        code, row = checked(reason)
        assert (code, row["result"]) == (4, reason), row


# ---- That it looks like TCP ----

def test_bytes_and_ends_go_both_ways(outside):
    """To a server that speaks plain TCP, behind one that ends TLS."""
    client = outside.start().client
    echo = outside.host.keep(TcpEcho("b", outside.host.address, outside.host.netns))
    outside.publish(originated(outside.haproxy(echo)))
    payload = os.urandom(2_000_000)
    with connect(client) as connection:
        assert read_line(connection) == "b"
        sender = threading.Thread(target=lambda: connection.sendall(payload))
        sender.start()
        got = b""
        while len(got) < len(payload):
            part = connection.recv(65536)
            assert part, "ended"
            got += part
        sender.join()
        assert hashlib.sha256(got).digest() == hashlib.sha256(payload).digest()
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
    with connect(client) as connection:
        assert read_line(connection) == "b"
        wait_until(lambda: echo._open, "the server to have it")
        for one in list(echo._open):
            one.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""


def test_two_backends_take_turns_and_one_that_dies_resets_what_it_had(outside):
    client = outside.start().client
    echoes = [outside.host.keep(TcpEcho(name, outside.host.address, outside.host.netns)) for name in ("x", "y")]
    first, second = (outside.haproxy(echo) for echo in echoes)
    outside.publish(originated(first, second) | {"balancing": "round_robin"})
    connections = [connect(client) for _ in range(4)]
    names = [read_line(connection) for connection in connections]
    assert sorted(names) == ["x", "x", "y", "y"]
    first.process.stop(signal.SIGKILL)
    for name, connection in zip(names, connections, strict=True):
        if name == "x":
            with pytest.raises(ConnectionResetError):  # not an end that looks like one of the application
                assert connection.recv(1) == b"never"
        else:
            connection.sendall(b"still\n")
            assert read_line(connection) == "still"
        connection.close()


# ---- Files ----

def test_files_are_replaced_under_load_and_nothing_fails(outside):
    client = outside.start().client
    echo = outside.host.keep(TcpEcho("b", outside.host.address, outside.host.netns))
    new = Authority(outside.host.place.root / "next", "next")
    next_one = outside.nginx(certificate=outside.certificate(authority=new))
    outside.publish(originated(outside.haproxy(echo)), originated(next_one, name="next", address="10.96.0.30"))
    outside.refused("unknown_ca", "10.96.0.30")
    load = client.keep(Load(client, tcp=(SERVICE, PORT), kept=3))
    outside.believe(new, also=outside.authority.certificate.read_text())
    wait_until(lambda: client.curl(address="10.96.0.30", check=False).returncode == 0, client.agent.output, timeout=20, interval=0.2)
    outside.believed.write_text("nothing that anybody could believe\n")  # what was good before stays
    wait_until(lambda: "credentials outside" in client.agent.output(), client.agent.output, timeout=20)
    assert outside.answer("10.96.0.30")[0] == "outside"
    before = load.new
    wait_until(lambda: load.failures or load.new > before + 20, lambda: load.new)
    assert not load.stop(), client.agent.output()
    wait_until(lambda: outside.credentials()["state"] == "failing", outside.credentials)
    assert str(outside.believed) in outside.credentials()["problem"]
    client.settings(tls=False)
    client.agent.reload()
    wait_until(lambda: client.curl(address="10.96.0.30", check=False).returncode != 0, "the service to be refused")
