# SPDX-License-Identifier: Apache-2.0
"""Connections between hosts are encrypted by the workers, and applications on both sides see nothing of it."""

import hashlib
import json
import os
import re
import socket
import struct
import threading

import pytest

from harness.authority import Authority
from harness.echo import TcpEcho, read_line
from harness.mesh import INBOUND, PORT, SERVICE, SERVICE6, connect, encrypted, served, start
from harness.process import Process, run, wait_until
from harness.programs import NginxFiles, random_files
from harness.registry import backend, service
from harness.wire import Capture


# ---- That it is encrypted, and looks like TCP ----

def test_what_passes_the_wire_is_encrypted_and_applications_see_the_service(mesh):
    client, server = start(mesh)
    secret = os.urandom(24).hex()
    web = server.named(secret)
    mesh.publish(encrypted(web))
    wire = Capture(server)
    for address in (SERVICE, SERVICE6):
        assert client.curl(address=address).stdout == f"{secret}\n"
        with connect(client, address) as connection:
            assert connection.getpeername()[:2] == (address, PORT)
    seen = wire.stop()
    assert len(seen) > 4000 and secret.encode() not in seen and b"HTTP/1.1" not in seen
    assert client.figure("meshd_tls_relays_total", direction="outbound") >= 4
    wait_until(lambda: server.figure("meshd_tls_relays_total", direction="inbound") >= 4, "the other side to have counted")
    assert server.figure("meshd_tls_handshakes_total", direction="inbound", result="ok") >= 1
    # The one that is not captured would be, if it were not encrypted: the capture sees what is sent in clear.
    mesh.publish(service("web", [SERVICE, SERVICE6], PORT, [backend(web.address, web.port)]))
    wire = Capture(server)
    assert client.curl().stdout == f"{secret}\n"
    assert secret.encode() in wire.stop()


def test_bytes_come_once_in_order_both_ways(mesh):
    client, server = start(mesh)
    files = random_files(server.place.root / "files", [0, 1, 16384, 16385, 5 << 20], seed=7)
    web = server.nginx(NginxFiles, server.place.root / "files")
    mesh.publish(encrypted(web))
    for name, path in files.items():
        target = client.place.root / "got"
        client.curl(f"/{name}", options=("-o", target))
        assert hashlib.sha256(target.read_bytes()).digest() == hashlib.sha256(path.read_bytes()).digest(), name


def test_each_side_can_end_first(mesh):
    with served(mesh) as (client, _, echo):
        with connect(client) as connection:
            assert read_line(connection) == "b"
            payload = os.urandom(300_000)
            sender = threading.Thread(target=lambda: (connection.sendall(payload), connection.shutdown(socket.SHUT_WR)))
            sender.start()
            got = b""
            while part := connection.recv(65536):
                got += part
            sender.join()
            assert got == payload  # all of it came after this side had said its last word
        with connect(client) as connection:
            assert read_line(connection) == "b"
            wait_until(lambda: echo._open, "the server to have it")
            for one in list(echo._open):
                one.shutdown(socket.SHUT_WR)
            assert connection.recv(1) == b""
            connection.sendall(b"still heard")


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def test_a_reset_is_a_reset_at_the_other_side(mesh):
    client, server = start(mesh)
    heard = []
    with ServerOfOne(server, heard) as listener:
        mesh.publish(encrypted(listener))
        connection = connect(client)
        connection.sendall(b"x")
        wait_until(lambda: heard == [b"x"], lambda: heard)
        reset(connection)
        wait_until(lambda: len(heard) == 2, lambda: heard)
        assert heard[1] == "reset"
    with ServerOfOne(server, [], resets_after=b"x") as listener:
        mesh.publish(encrypted(listener))
        with connect(client) as connection:
            connection.sendall(b"x")
            with pytest.raises(ConnectionResetError):
                connection.recv(1)


class ServerOfOne:
    """Takes one connection and tells what it hears, or resets it when it has heard enough."""

    def __init__(self, host, heard, resets_after=None):
        self.resets_after = resets_after
        with host.entered():
            self.listener = socket.create_server((host.address, 0))
        self.address, self.port = self.listener.getsockname()
        self.heard = heard

    def __enter__(self):
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def _serve(self):
        connection, _ = self.listener.accept()
        try:
            while part := connection.recv(100):
                self.heard.append(part)
                if part == self.resets_after:
                    reset(connection)
                    return
            self.heard.append("end")
        except ConnectionResetError:
            self.heard.append("reset")

    def __exit__(self, *_):
        self.listener.close()


def test_a_backend_that_refuses_is_a_reset(mesh):
    with served(mesh) as (client, server, echo):
        echo.close()
        with pytest.raises(ConnectionResetError), connect(client) as connection:
            assert connection.recv(1) == b"never"
        wait_until(lambda: client.figure("meshd_tls_resets_total", direction="outbound") + client.figure(
            "meshd_tls_refused_total", direction="outbound") >= 1, client.agent.metrics)


# ---- What must not pass ----

def outsider(mesh):
    """A client on the first host that no hook sees: its host is no part of the mesh as far as it goes."""
    return mesh.hosts[0].netns


def test_strict_refuses_clear_text_from_other_hosts_and_permissive_counts_it(mesh):
    with served(mesh) as (client, server, echo):
        with outsider(mesh).entered(), pytest.raises(ConnectionRefusedError):
            socket.create_connection((echo.address, echo.port), 5)
        assert server.agent.status()["events"]["clear_text_refused"] >= 1
        with connect(server, echo.address, echo.port) as connection:  # of the same host
            assert read_line(connection) == "b"
        mesh.publish(encrypted(echo, accept="permissive"))
        with outsider(mesh).entered(), socket.create_connection((echo.address, echo.port), 5) as connection:
            assert read_line(connection) == "b"
        assert server.agent.status()["events"]["clear_text_accepted"] >= 1
        with connect(client) as connection:
            assert read_line(connection) == "b"


def test_without_tls_of_the_node_what_must_be_encrypted_is_refused(mesh):
    client, server = mesh.hosts
    server.start()
    client.start()
    echo = server.keep(TcpEcho("b", server.address, server.netns))
    mesh.publish(encrypted(echo))
    client.agent.stop()
    client.place.root.joinpath("meshd.yaml").write_text("log: {level: debug}\n")
    client.agent.start()
    client.agent.wait_applied(encrypted(echo))
    with pytest.raises(ConnectionRefusedError):
        connect(client)
    assert client.agent.status()["events"]["tls_unavailable"] >= 1


def test_the_inbound_listener_is_no_way_to_anything_else(mesh):
    """An authenticated peer reaches backends of encrypted services of this host, and nothing else that listens on it."""
    with served(mesh) as (client, server, echo):
        other = server.keep(TcpEcho("private", server.address, server.netns))
        for port, expected in ((echo.port, b"b\n"), (other.port, b"")):
            header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + struct.pack(">H", 12) + socket.inet_aton(client.address) + socket.inet_aton(
                server.address) + struct.pack(">HH", 4000, port)
            answer = client.netns.run("timeout", "5", "openssl", "s_client", "-quiet", "-tls1_3", "-connect", f"{server.address}:{INBOUND}",
                                      "-cert", client.tls / "node.pem", "-key", client.tls / "node.key", "-CAfile",
                                      client.tls / "authorities.pem", input=header.decode("latin-1"), check=False, encoding="latin-1")
            assert answer.stdout.encode() == expected, answer.stderr
        wait_until(lambda: server.figure("meshd_tls_refused_total", direction="inbound") == 1, server.agent.metrics)


@pytest.mark.parametrize("wrong, result", [("authority", "unknown_ca"), ("domain", "wrong_trust_domain"), ("none", "no_certificate")])
def test_a_peer_that_nobody_vouches_for_is_refused(mesh, wrong, result):
    with served(mesh) as (client, server, _):
        if wrong == "authority":
            made = Authority(client.place.root / "stranger").issue("node", f"node/{client.name}")
        elif wrong == "domain":
            made = mesh.authority.issue("stranger", names="URI:spiffe://other.test/node")
        options = () if wrong == "none" else ("-cert", made[0], "-key", made[1])
        answer = client.netns.run("timeout", "5", "openssl", "s_client", "-quiet", "-tls1_3", "-connect", f"{server.address}:{INBOUND}",
                                  *options, "-CAfile", client.tls / "authorities.pem", input="x", check=False)
        assert re.search("alert|error", answer.stderr), answer.stderr
        wait_until(lambda: server.figure("meshd_tls_handshakes_total", direction="inbound", result=result) == 1, server.agent.metrics)
        assert result in server.agent.output() or result.replace("_", " ") in server.agent.output()


def test_a_node_without_encrypted_services_answers_its_peers(mesh):
    """Or they would wait until the listener's queue is full, and then longer."""
    client, server = mesh.hosts
    server.start()
    for _ in range(2):
        answer = client.netns.run("timeout", "5", "openssl", "s_client", "-brief", "-tls1_3", "-connect", f"{server.address}:{INBOUND}",
                                  "-cert", client.tls / "node.pem", "-key", client.tls / "node.key", input="", check=False)
        assert "CONNECTION ESTABLISHED" in answer.stdout + answer.stderr
        plain = service("plain", SERVICE, PORT, [backend(server.address, 8080)])
        server.place.registry.write(plain)
        server.agent.wait_applied(plain)
    wait_until(lambda: server.figure("meshd_tls_handshakes_total", direction="inbound", result="ok") == 2, server.agent.metrics)


def test_haproxy_can_stand_in_for_the_worker(mesh):
    """SO_ORIGINAL_DST says where to; HAProxy encrypts and tells the other side by the PROXY protocol."""
    client, server = start(mesh)
    echo = server.keep(TcpEcho("b", server.address, server.netns))
    mesh.publish(encrypted(echo, address=(SERVICE,)))
    bundle = client.tls / "bundle.pem"
    bundle.write_text((client.tls / "node.pem").read_text() + (client.tls / "node.key").read_text())
    haproxy = client.place.root / "haproxy.cfg"
    haproxy.write_text(f"""
global
    maxconn 100
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen outbound
    bind 0.0.0.0:15002
    server encrypt 127.0.0.1:15003 send-proxy-v2
# HAProxy writes its header before TLS, so a second listener encrypts it with the rest, and reads from it where to.
listen encrypt
    bind 127.0.0.1:15003
    tcp-request inspect-delay 5s
    tcp-request content set-dst req.payload(20,4),be2dec(.,1) if {{ req.len ge 28 }}
    tcp-request content accept if {{ req.len ge 28 }}
    server peer 0.0.0.0:{INBOUND} ssl crt {bundle} ca-file {client.tls}/authorities.pem verify required force-tlsv13
""")
    proxy = client.keep(Process(["haproxy", "-db", "-f", haproxy], client.place.root / "logs/haproxy", client.enter))
    wait_until(lambda: ":15002" in run("ss", "-Hltn", preexec_fn=client.netns.enter).stdout, proxy.output)
    set_port(client, 15002)
    with connect(client) as connection:
        assert read_line(connection) == "b", proxy.output()
    assert client.figure("meshd_tls_relays_total", direction="outbound") == 0


def set_port(host, port):
    """Another process listens for the kernel."""
    entry = json.loads(run("bpftool", "-j", "map", "dump", "pinned", host.place.maps / "md_steering").stdout)[0]
    value = [int(byte, 16) for byte in entry["value"]]
    value[32:34] = struct.pack(">H", port)
    run("bpftool", "map", "update", "pinned", host.place.maps / "md_steering", "key", "0", "0", "0", "0", "value", *value)


def test_applications_of_one_host_are_not_encrypted_unless_asked(mesh):
    client, _ = start(mesh)
    echo = client.keep(TcpEcho("a", client.address, client.netns))
    mesh.publish(encrypted(echo))
    with connect(client) as connection:
        assert read_line(connection) == "a"
    assert client.figure("meshd_tls_relays_total", direction="outbound") == 0
    mesh.publish(encrypted(echo, same_node="encrypt"))
    with connect(client) as connection:
        assert read_line(connection) == "a"
    assert client.figure("meshd_tls_relays_total", direction="outbound") == 1
    assert client.figure("meshd_tls_relays_total", direction="inbound") == 1


def test_a_backend_in_a_container_is_served_by_the_worker_of_its_host(mesh):
    """Its address is its own, `host` says whose worker to ask."""
    client, server = start(mesh)
    server.netns.ip("addr", "add", "10.244.0.7/32", "dev", "lo")
    echo = server.keep(TcpEcho("pod", "10.244.0.7", server.netns))
    made = encrypted()
    made["backends"] = [backend("10.244.0.7", echo.port, host=server.address)]
    mesh.publish(made)
    with connect(client) as connection:
        assert read_line(connection) == "pod"


def test_each_connection_has_a_backend_of_its_own(mesh):
    """Several backends: balancing is the kernel's, each connection encrypted to the host of its own."""
    client, server = start(mesh)
    echoes = [server.keep(TcpEcho(name, server.address, server.netns)) for name in ("x", "y")]
    made = encrypted(*echoes) | {"balancing": "round_robin"}
    mesh.publish(made)
    names = []
    for _ in range(6):
        with connect(client) as connection:
            names.append(read_line(connection))
    assert sorted(names) == ["x"] * 3 + ["y"] * 3


def test_probes_go_the_way_of_the_traffic(mesh):
    """In clear a strict backend would refuse them: each kind finds out whether the backend is well."""
    client, server = start(mesh)
    web = server.named("b")
    for kind in ("tcp", "http"):
        probe = {"type": kind, "interval": "1s", "timeout": "1s", "healthy": 1, "unhealthy": 1}
        well = encrypted(web) | {"health": {"probe": probe, "panic": "0%"}}
        gone = well | {"name": "gone", "addresses": ["10.96.0.21"], "backends": [backend(server.address, 9)]}
        mesh.publish(well, gone)

        def states(name):
            return [(one["health"]["state"], bool(one["health"]["since"])) for one in client.agent.service(name)["ports"][0]["backends"]]
        wait_until(lambda: (states("web"), states("gone")) == ([("healthy", True)], [("unhealthy", True)]),
                   lambda: (states("web"), states("gone"), client.agent.service("gone"), server.agent.output()[-2000:]), timeout=20)
        assert client.curl().stdout == "b\n"
    assert client.agent.status()["events"]["clear_text_refused"] == 0
    assert server.agent.status()["events"]["clear_text_refused"] == 0
