# SPDX-License-Identifier: Apache-2.0
"""Clients from outside of the mesh: TLS that ends at this host, by name, with real clients and servers."""

import json
import pathlib
import re
import signal
import socket
import ssl
import struct
import threading

import pytest

from harness.echo import TcpEcho
from harness.edge import Edge, NginxProxied, NginxTls, Recorder, read_all, route, web
from harness.mesh import PORT, SERVICE, SERVICE6, encrypted
from harness.process import run, wait_until
from harness.registry import backend, service


@pytest.fixture
def edge(mesh):
    return Edge(mesh)


def connects(edge, name):
    return edge.host.agent.service(name)["ports"][0]["backends"][0]["connects"]


def subject(text):
    return re.search(r"^subject=CN ?= ?(.*)$", text, re.M).group(1)


# ---- Which certificate, and where to ----

def test_curl_reaches_the_service_that_its_name_goes_to(edge):
    shop, blog = edge.host.named("shop"), edge.host.named("blog")
    edge.listener(route("shop.test", "*.shop.test"), route("blog.test", to="blog"),
                  certificates=[edge.certify("shop", "shop.test", "*.shop.test"), edge.certify("blog", "blog.test")])
    edge.start(web(shop), web(blog, name="blog", address=("10.96.0.30",)))
    assert edge.curl().stdout == "shop\n"
    assert edge.curl("a.shop.test").stdout == "shop\n"
    assert edge.curl("blog.test").stdout == "blog\n"
    assert edge.curl("SHOP.test").stdout == "shop\n"
    assert edge.curl(address=f"[{edge.host.address6}]").stdout == "shop\n"
    assert edge.handshakes("ok") == 5
    assert [connects(edge, name) for name in ("web", "blog")] == [4, 1]
    wait_until(lambda: edge.shown()["public"]["connections"] == 5, edge.shown)


def test_the_certificate_is_chosen_by_name_and_the_first_where_none_fits(edge):
    edge.listener(route("*"), certificates=[edge.certify("first", "first.test"), edge.certify("wild", "*.shop.test"),
                                            edge.certify("exact", "a.shop.test")])
    edge.start(web(edge.host.named("shop")))
    for name, shown in {"first.test": "first", "a.shop.test": "exact", "b.shop.test": "wild", "A.SHOP.test": "exact", "a.b.shop.test": "first",
                        "shop.test": "first", "other.test": "first", None: "first"}.items():
        assert subject(edge.s_client(name=name)) == shown, name


def test_clients_are_shown_a_certificate_whose_key_they_know(edge):
    ecdsa, rsa = edge.certify("ecdsa", "shop.test"), edge.certify("rsa", "*.test", key=("-newkey", "rsa:2048"))
    with_issuer(edge, rsa)
    response = edge.host.tls / "rsa.ocsp"
    respond(edge, rsa, response)
    edge.listener(route("*"), certificates=[ecdsa, rsa | {"ocsp": str(response)}], strict_names=True)
    edge.start(web(edge.host.named("shop")))
    only_rsa = [("-sigalgs", "RSA-PSS+SHA256"), ("-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256")]
    for options in only_rsa:
        answer = edge.s_client("-status", *options)
        assert subject(answer) == "rsa" and "Verify return code: 0" in answer and "Cert Status: good" in answer, answer
    for options in [(), ("-sigalgs", "ECDSA+SHA256"), ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256")]:
        answer = edge.s_client("-status", *options)
        assert subject(answer) == "ecdsa" and "no response sent" in answer, answer
    assert subject(edge.s_client(name="other.test")) == "rsa"
    assert edge.curl().stdout == "shop\n"


def test_strict_names_show_no_certificate_that_does_not_fit(edge):
    edge.listener(route("*"), certificates=[edge.certify("shop", "shop.test")], strict_names=True)
    edge.start(web(edge.host.named("shop")))
    assert subject(edge.s_client()) == "shop"
    for name in ("other.test", None):
        assert "unrecognized name" in edge.s_client(name=name)
    wait_until(lambda: edge.refused("no_certificate") == 2, edge.host.agent.metrics)


def test_a_name_without_a_route_gets_an_alert(edge):
    edge.listener(route("shop.test"), certificates=[edge.certify("shop", "shop.test", "other.test")])
    edge.start(web(edge.host.named("shop")))
    assert "unrecognized name" in edge.s_client(name="other.test")
    assert edge.refused("no_route") == 1
    assert edge.curl().stdout == "shop\n"


def test_a_service_that_is_not_there_gets_an_alert_until_it_is(edge):
    edge.listener(route("shop.test"), certificates=[edge.certify("shop", "shop.test")])
    edge.start()
    assert "internal error" in edge.s_client()
    assert edge.refused("no_service") == 1
    assert edge.shown()["public"]["routes"][0]["problem"] == "there is no service web"
    edge.mesh.publish(web(edge.host.named("shop")))
    assert edge.curl().stdout == "shop\n"


def test_a_service_without_a_backend_resets_the_client(edge):
    edge.listener(route("shop.test"), certificates=[edge.certify("shop", "shop.test")])
    edge.start(web())
    assert edge.curl(check=False).returncode in (35, 52, 55, 56)
    assert edge.refused("unreachable") >= 1


# ---- What is agreed on ----

def test_alpn_is_the_servers_preference_of_the_route(edge):
    edge.listener(route("shop.test", alpn=["h2", "http/1.1"]), route("blog.test"), certificates=[edge.certify("shop", "shop.test", "blog.test")])
    edge.start(web(edge.host.named("shop")))
    assert "ALPN protocol: h2\n" in edge.s_client("-alpn", "http/1.1,h2")
    assert "ALPN protocol: http/1.1\n" in edge.s_client("-alpn", "http/1.1")
    assert "No ALPN negotiated" in edge.s_client()
    assert "no application protocol" in edge.s_client("-alpn", "smtp")
    assert "No ALPN negotiated" in edge.s_client("-alpn", "smtp", name="blog.test")


SUITES_12 = {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"}
SUITES_12_RSA = {"ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305", "DHE-RSA-AES128-GCM-SHA256",
                 "DHE-RSA-AES256-GCM-SHA384", "DHE-RSA-CHACHA20-POLY1305"}
SUITES_13 = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}


def agreed(text):
    """(version, cipher suite), or None."""
    found = re.search(r"^New, (TLSv[\d.]+), Cipher is (\S+)$", text, re.M)
    return found and found.groups()


def known_suites():
    """Of TLS 1.2, that openssl can ask for."""
    lines = run("openssl", "ciphers", "-v", "-tls1_2", "-s", "ALL:COMPLEMENTOFALL@SECLEVEL=0").stdout.splitlines()
    return [line.split()[0] for line in lines if "PSK" not in line and "SRP" not in line]


@pytest.mark.parametrize("profile", ["intermediate", "modern"])
def test_versions_are_those_of_the_profile(edge, profile):
    edge.listener(route("*"), certificates=[edge.certify("shop", "shop.test")], profile=profile)
    edge.start(web(edge.host.named("shop")))
    weak = ("-cipher", "ALL@SECLEVEL=0")
    for version in ("-tls1", "-tls1_1"):
        assert agreed(edge.s_client(version, *weak)) is None
    assert (agreed(edge.s_client("-tls1_2")) is not None) == (profile == "intermediate")
    assert {agreed(edge.s_client("-tls1_3", "-ciphersuites", one))[1] for one in sorted(SUITES_13)} == SUITES_13
    for suite in ("TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"):
        assert agreed(edge.s_client("-tls1_3", "-ciphersuites", suite)) is None
    for group, is_taken in {"X25519": True, "P-256": True, "P-384": True, "P-521": False, "X448": False}.items():
        assert (agreed(edge.s_client("-tls1_3", "-groups", group)) is not None) == is_taken, group


@pytest.mark.parametrize("key, wanted", [(None, SUITES_12), (("-newkey", "rsa:2048"), SUITES_12_RSA)], ids=["ecdsa", "rsa"])
def test_suites_of_tls_1_2_are_those_of_the_profile(edge, key, wanted):
    edge.listener(route("*"), certificates=[edge.certify("shop", "shop.test", **({"key": key} if key else {}))])
    edge.start(web(edge.host.named("shop")))
    left, found = known_suites(), set()
    # Each that is agreed on is asked for no more, until there is none.
    while (one := agreed(edge.s_client("-tls1_2", "-cipher", ":".join(left) + "@SECLEVEL=0"))) is not None and one[1] in left:
        found.add(one[1])
        left.remove(one[1])
    assert found == wanted


def test_sessions_are_taken_up(edge):
    edge.listener(route("*"), certificates=[edge.certify("shop", "shop.test")])
    edge.start(web(edge.host.named("shop")))
    kept = edge.outside.place.root / "session"
    for version in ("-tls1_2", "-tls1_3"):
        options = (version, "-ign_eof")
        request = "GET / HTTP/1.0\r\n\r\n"
        first = run("openssl", "s_client", "-connect", f"{edge.host.address}:443", "-servername", "shop.test", *options, "-sess_out", kept,
                    input=request, preexec_fn=edge.outside.netns.enter).stdout
        again = run("openssl", "s_client", "-connect", f"{edge.host.address}:443", "-servername", "shop.test", *options, "-sess_in", kept,
                    input=request, preexec_fn=edge.outside.netns.enter).stdout
        assert "New, TLSv" in first and "Reused, TLSv" in again, version
        assert again.endswith("shop\n") or "shop\n" in again
    wait_until(lambda: edge.host.figure("meshd_tls_resumed_total", direction="edge") == 2, edge.host.agent.metrics)


# ---- Who says something else, or nothing ----

def test_plain_http_is_closed_and_counted(edge):
    edge.listener(route("*"), certificates=[edge.certify("shop", "shop.test")])
    edge.start(web(edge.host.named("shop")))
    assert edge.curl(scheme="http", check=False).returncode == 52  # an empty reply
    assert edge.handshakes("protocol") == 1


def test_a_worker_that_dies_keeps_nobody_waiting(edge):
    edge.listener(route("*"), certificates=[edge.certify("shop", "shop.test")])
    edge.start(web(edge.host.named("shop")))
    before = edge.host.agent.worker_pid()
    run("kill", f"-{signal.SIGKILL.value}", before)
    assert edge.curl().stdout == "shop\n"
    assert edge.host.agent.worker_pid() != before


# ---- What passes through ----

def test_tls_passes_through_by_name(edge):
    inside = edge.certify("inside", "db.test")
    own = edge.host.nginx(NginxTls, inside["certificate"], inside["key"], addresses=(edge.host.address, edge.host.address6))
    edge.listener(route("db.test", to="db", pass_through=True), route("shop.test"), certificates=[edge.certify("shop", "shop.test")])
    edge.start(web(edge.host.named("shop")), web(own, name="db", address=("10.96.0.30",)))
    assert edge.curl("db.test").stdout == "inside\n"
    assert edge.curl().stdout == "shop\n"
    assert subject(edge.s_client(name="db.test")) == "inside"
    assert edge.handshakes("ok") == 1  # the other two are the backend's own


def test_a_listener_that_only_passes_needs_no_certificate(edge):
    inside = edge.certify("inside", "db.test")
    own = edge.host.nginx(NginxTls, inside["certificate"], inside["key"])
    edge.listener(route("db.test", to="db", pass_through=True))
    edge.start(web(own, name="db", address=("10.96.0.30",)))
    assert edge.curl("db.test").stdout == "inside\n"
    assert "unrecognized name" in edge.s_client(name="shop.test")
    with edge.connect() as connection:
        connection.sendall(b"\x16\x03\x01\x00\x04\x02\x00\x00\x00")  # a ServerHello
        assert connection.recv(100) == b"\x15\x03\x03\x00\x02\x02\x32"  # decode_error
    wait_until(lambda: edge.handshakes("protocol") == 1, edge.host.agent.metrics)


# ---- Who the client is ----

@pytest.mark.parametrize("version", ["v1", "v2"])
def test_nginx_is_told_of_the_client(edge, version):
    shop = edge.host.nginx(NginxProxied)
    edge.listener(route("shop.test", proxy_protocol=version), certificates=[edge.certify("shop", "shop.test")])
    edge.start(web(shop))
    assert edge.curl().stdout == f"{edge.outside.address} 443\n"
    assert edge.curl(address=f"[{edge.host.address6}]").stdout == f"{edge.outside.address6} 443\n"


def fields_of(data):
    """Of a PROXY header of version 2 for IPv4: type -> value."""
    assert data[:12] == b"\r\n\r\n\0\r\nQUIT\n" and data[12:14] == b"\x21\x11", data
    rest, fields = data[28:16 + int.from_bytes(data[14:16], "big")], {}
    while rest:
        size = int.from_bytes(rest[1:3], "big")
        fields[rest[0]], rest = rest[3:3 + size], rest[3 + size:]
    return fields


def test_version_2_tells_what_was_agreed_on(edge):
    told = edge.host.keep(Recorder(edge.host, 60))
    edge.listener(route("shop.test", alpn=["h2"], proxy_protocol="v2"), route("db.test", pass_through=True, proxy_protocol="v2"),
                  certificates=[edge.certify("shop", "shop.test")])
    edge.start(web(told))
    told.size = 28 + 5 + 12 + 43
    with edge.connect_tls(alpn=["h2"]) as connection:
        source, version, cipher = connection.getsockname(), connection.version(), connection.cipher()[0]
        wait_until(lambda: told.heard, "the header")
    heard = told.heard[0]
    assert heard[16:28] == socket.inet_aton(edge.outside.address) + socket.inet_aton(edge.host.address) + struct.pack(">HH", source[1], 443)
    fields = fields_of(heard)
    assert fields[0x01] == b"h2" and fields[0x02] == b"shop.test"
    assert fields[0x20][:5] == b"\x01\x00\x00\x00\x01"
    assert fields[0x20][5:] == b"\x21\0\x07" + version.encode() + b"\x23" + struct.pack(">H", len(cipher)) + cipher.encode()
    told.size = 28 + 3 + 7
    edge.s_client(name="db.test")
    wait_until(lambda: len(told.heard) == 2, lambda: told.heard)
    assert fields_of(told.heard[1]) == {0x02: b"db.test"}


# ---- It is a client of the mesh ----

def test_backends_are_balanced_and_drained(edge):
    a, b = edge.host.named("a"), edge.host.named("b")
    edge.listener(route("shop.test"), certificates=[edge.certify("shop", "shop.test")])
    edge.start(web(a, b, balancing="round_robin"))
    assert sorted(edge.curl().stdout for _ in range(4)) == ["a\n", "a\n", "b\n", "b\n"]
    drained = service("web", [SERVICE, SERVICE6], PORT, [backend(a.address, a.port), backend(b.address, b.port, state="drain")])
    edge.mesh.publish(drained)
    assert {edge.curl().stdout for _ in range(4)} == {"a\n"}


def test_a_connection_ends_with_its_backends_deadline(edge):
    shop = edge.host.keep(TcpEcho("a", edge.host.address, edge.host.netns))
    edge.listener(route("shop.test"), certificates=[edge.certify("shop", "shop.test")])
    edge.start(web(shop, drain={"deadline": "1s"}))
    with edge.connect_tls() as connection:
        assert connection.recv(10) == b"a\n"
        edge.mesh.publish(service("web", [SERVICE, SERVICE6], PORT, [backend(shop.address, shop.port, state="drain")], drain={"deadline": "1s"}))
        with pytest.raises((ConnectionResetError, ssl.SSLEOFError)):
            connection.recv(10)


def test_rules_hold_for_it(edge):
    edge.listener(route("shop.test"), certificates=[edge.certify("shop", "shop.test")])
    edge.start(web(edge.host.named("shop")))
    assert edge.curl().stdout == "shop\n"
    edge.host.place.registry.replace(json.dumps({"policies": [{"name": "nobody", "action": "deny", "to": {"service": "web"}}]}), "policy")
    wait_until(lambda: edge.curl(check=False).returncode != 0, edge.host.agent.output)
    assert edge.refused("unreachable") >= 1
    edge.host.place.registry.remove("policy")
    wait_until(lambda: edge.curl(check=False).stdout == "shop\n", edge.host.agent.output)


def test_an_encrypted_service_of_another_host_is_behind_it(mesh):
    edge = Edge(mesh)
    far = mesh.hosts[1]
    far.start()
    shop = far.named("far")
    edge.listener(route("shop.test"), certificates=[edge.certify("shop", "shop.test")])
    edge.start(encrypted(shop))
    assert edge.curl().stdout == "far\n"
    assert edge.host.figure("meshd_tls_relays_total", direction="outbound") >= 1
    assert edge.host.figure("meshd_tls_relays_total", direction="edge") == 1


def test_it_needs_no_mesh(edge):
    edge.listener(route("shop.test"), certificates=[edge.certify("shop", "shop.test")])
    edge.start(web(edge.host.named("shop")), tls=False)
    assert edge.curl().stdout == "shop\n"


# ---- Changes ----

def test_certificates_are_swapped_under_load_and_no_request_fails(edge):
    files = edge.certify("shop", "shop.test")
    edge.listener(route("shop.test"), certificates=[files])
    edge.start(web(edge.host.named("shop")))
    first = edge.serial()
    stop, failures, count = threading.Event(), [], [0]

    def load():
        while not stop.is_set():
            done = edge.curl(check=False)
            count[0] += 1
            if done.stdout != "shop\n":
                failures.append(done.stderr)

    threads = [threading.Thread(target=load) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        with edge.connect_tls() as kept:
            edge.certify("shop", "shop.test")
            wait_until(lambda: edge.serial() != first, "the new certificate")
            kept.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert b"shop\n" in read_all(kept)
            pathlib.Path(files["certificate"]).write_text("nothing")
            wait_until(lambda: "failing" in edge.host.agent.meshctl("certificate", "list", check=False).stdout, edge.host.agent.output)
            assert edge.curl().stdout == "shop\n"
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures and count[0] > 5


def test_a_reload_adds_and_removes_listeners_and_connections_go_on(edge):
    shop = edge.certify("shop", "shop.test")
    edge.listener(route("shop.test"), certificates=[shop])
    edge.start(web(edge.host.named("shop")))
    with edge.connect_tls() as kept:
        edge.listeners.clear()
        edge.listener(route("shop.test"), name="other", port=8443, certificates=[shop])
        edge.reload()
        assert edge.curl(port=8443).stdout == "shop\n"
        wait_until(lambda: edge.curl(check=False).returncode == 7, "the first to be closed")
        kept.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert b"shop\n" in read_all(kept)


def test_a_port_that_is_taken_is_tried_again_and_others_go_on(edge):
    shop = edge.certify("shop", "shop.test")
    edge.listener(route("shop.test"), certificates=[shop]).listener(route("shop.test"), name="other", port=8443, certificates=[shop])
    with edge.host.netns.entered():
        taken = socket.create_server(("", 443))
    with taken:
        edge.host.start(extra=edge.text())
        edge.mesh.publish(web(edge.host.named("shop")))
        wait_until(lambda: edge.shown()["other"]["routes"], edge.shown)
        assert edge.curl(port=8443).stdout == "shop\n"
        assert edge.shown()["public"]["state"] == "failing"
        assert "listen on [::]:443" in edge.shown()["public"]["problem"] or "port 443" in edge.shown()["public"]["problem"]
        assert any(one["feature"] == "edge public" for one in edge.host.agent.status()["degraded"])
    wait_until(lambda: edge.curl(check=False).stdout == "shop\n", edge.shown)
    assert not any(one["feature"] == "edge public" for one in edge.host.agent.status()["degraded"])


def test_the_worker_is_replaced_and_listeners_stay(edge):
    edge.listener(route("*"), certificates=[edge.certify("shop", "shop.test")])
    edge.start(web(edge.host.named("shop")))
    for _ in range(2):
        run("kill", f"-{signal.SIGKILL.value}", edge.host.agent.worker_pid())
        assert edge.curl().stdout == "shop\n"


# ---- OCSP ----

def test_a_response_is_stapled_while_it_is_this_certificates(edge):
    files = edge.certify("shop", "shop.test")
    with_issuer(edge, files)
    response = edge.host.tls / "shop.ocsp"
    edge.listener(route("*"), certificates=[files | {"ocsp": str(response)}])
    edge.start(web(edge.host.named("shop")))
    assert "OCSP response: no response sent" in edge.s_client("-status")
    respond(edge, files, response)
    wait_until(lambda: "OCSP Response Status: successful" in edge.s_client("-status"), edge.host.agent.output)
    assert "Cert Status: good" in edge.s_client("-status", "-tls1_2")
    other = edge.certify("other", "shop.test")
    respond(edge, other, response)
    wait_until(lambda: "about another certificate" in edge.host.agent.meshctl("certificate", "list", check=False).stdout, edge.host.agent.output)
    assert "OCSP response: no response sent" in edge.s_client("-status")
    assert edge.curl().stdout == "shop\n"


def with_issuer(edge, files):
    certificate = pathlib.Path(files["certificate"])
    certificate.write_text(certificate.read_text() + edge.authority.certificate.read_text())


def respond(edge, files, response):
    """As an authority whose index says that the certificate is good."""
    made = edge.host.tls
    serial = run("openssl", "x509", "-in", files["certificate"], "-noout", "-serial").stdout.strip().removeprefix("serial=")
    (made / "index.txt").write_text(f"V\t491231235959Z\t\t{serial}\tunknown\t/CN=any\n")
    run("openssl", "ocsp", "-index", made / "index.txt", "-rsigner", edge.authority.certificate, "-rkey", edge.authority.key, "-CA",
        edge.authority.certificate, "-issuer", edge.authority.certificate, "-cert", files["certificate"], "-ndays", 1, "-respout", f"{response}.new",
        "-noverify")
    pathlib.Path(f"{response}.new").chmod(0o644)
    pathlib.Path(f"{response}.new").replace(response)


# ---- Those who say nothing ----

def test_slow_clients_keep_nobody_out(edge):
    edge.listener(route("*"), certificates=[edge.certify("shop", "shop.test")])
    edge.start(web(edge.host.named("shop")))
    slow = [edge.connect() for _ in range(50)]
    try:
        for one in slow:
            one.sendall(b"\x16\x03\x01")
        wait_until(lambda: edge.shown()["public"]["open"] == 50, edge.shown)
        assert edge.curl().stdout == "shop\n"
    finally:
        for one in slow:
            one.close()
    wait_until(lambda: edge.shown()["public"]["open"] == 0, edge.shown)
    assert edge.handshakes("reset") == 50
