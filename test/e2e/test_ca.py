# SPDX-License-Identifier: Apache-2.0
"""meshctl ca and meshctl certificate, with openssl as the other opinion. No agent is needed."""

import concurrent.futures
import json
import socket
import ssl
import threading

import pytest

from harness.authority import Authority as OpensslAuthority
from harness.built_in_authority import BuiltInAuthority, meshctl
from harness.process import run


@pytest.fixture
def ca(tmp_path):
    return BuiltInAuthority(tmp_path / "ca")


def text_of(certificate, *options):
    return run("openssl", "x509", "-in", certificate, "-noout", *options).stdout


def mode(path):
    return path.stat().st_mode & 0o7777


def test_openssl_believes_what_is_issued(ca):
    for kind in ("ec-p256", "ec-p384", "ed25519", "rsa-2048", "rsa-3072"):
        certificate, key = ca.issue("shop/web", kind, "--key-type", kind)
        for purpose in ("sslclient", "sslserver"):
            assert ca.verify(certificate, purpose) == "OK"
        assert text_of(certificate, "-pubkey") == run("openssl", "pkey", "-in", key, "-pubout").stdout
    extensions = text_of(certificate, "-ext", "subjectAltName,basicConstraints,keyUsage,extendedKeyUsage")
    assert "URI:spiffe://example.org/shop/web" in extensions
    assert "CA:FALSE" in extensions
    assert "Digital Signature" in extensions
    assert "TLS Web Client Authentication, TLS Web Server Authentication" in extensions


def test_keys_are_their_owners_alone(ca):
    _, key = ca.issue("shop/web", "web")
    assert mode(key) == 0o600
    assert mode(ca.directory) == 0o700
    for secret in (ca.directory / "1/root.key", ca.directory / "1/intermediate.key", ca.directory / "ca.json"):
        assert mode(secret) == 0o600
    assert mode(ca.authorities) == 0o644
    assert "PRIVATE" not in ca.authorities.read_text() + ca.revoked.read_text()


def test_a_key_stays_where_it_was_made(ca):
    request, key, certificate = ca.path("web.csr"), ca.path("web.key"), ca.path("web.pem")
    run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", request, "-subj",
        "/CN=anything", "-addext", "subjectAltName=URI:spiffe://example.org/shop/web")
    meshctl("ca", "issue", ca.directory, "shop/web", "--csr", request, "--out", certificate, "--ttl", "2h")
    assert ca.verify(certificate) == "OK"
    assert text_of(certificate, "-pubkey") == run("openssl", "pkey", "-in", key, "-pubout").stdout
    assert run("openssl", "x509", "-in", certificate, "-noout", "-checkend", "7000", check=False).returncode == 0
    assert run("openssl", "x509", "-in", certificate, "-noout", "-checkend", "7300", check=False).returncode == 1

    other = meshctl("ca", "issue", ca.directory, "shop/db", "--csr", request, "--out", certificate, check=False)
    assert other.returncode == 1
    assert "the request asks for spiffe://example.org/shop/web" in other.stderr


def test_a_request_with_a_weak_key_or_a_wrong_signature_is_refused(ca):
    weak, changed = ca.path("weak.csr"), ca.path("changed.csr")
    run("openssl", "req", "-new", "-newkey", "rsa:1024", "-nodes", "-keyout", ca.path("weak.key"), "-out", weak, "-subj", "/CN=web")
    der = bytearray(ssl.PEM_cert_to_DER_cert(weak.read_text().replace(" REQUEST", "")))
    der[-1] ^= 1
    changed.write_text(ssl.DER_cert_to_PEM_cert(bytes(der)).replace(" CERTIFICATE", " CERTIFICATE REQUEST"))
    for request, why in ((weak, "its key is too weak: RSA with 1024 bits"), (changed, "it is not signed with its own key")):
        answer = meshctl("ca", "issue", ca.directory, "web", "--csr", request, "--out", ca.path("none.pem"), check=False)
        assert answer.returncode == 1
        assert why in answer.stderr
    assert not ca.path("none.pem").exists()


def test_openssl_refuses_what_was_revoked(ca):
    gone, stays = ca.issue("shop/web", "gone")[0], ca.issue("shop/web", "stays")[0]
    by_name = ca.issue("shop/db", "db")[0]
    meshctl("ca", "revoke", ca.directory, gone)
    meshctl("ca", "revoke", ca.directory, "shop/db")
    assert "certificate revoked" in ca.verify(gone)
    assert "certificate revoked" in ca.verify(by_name)
    assert ca.verify(stays) == "OK"
    assert [one["state"] for one in ca.show()["issued"]] == ["revoked", "valid", "revoked"]
    again = meshctl("ca", "revoke", ca.directory, gone, check=False)
    assert again.returncode == 1
    assert "no valid certificate" in again.stderr


def test_a_rotation_leaves_no_moment_without_trust(ca):
    """Files as nodes have them at each step, and what they are shown."""
    before, _ = ca.issue("web", "before")
    old_trust = ca.authorities.read_text()
    meshctl("ca", "rotate", ca.directory)
    prepared, _ = ca.issue("web", "prepared")
    both = ca.authorities.read_text()
    assert old_trust in both
    assert (ca.verify(before), ca.verify(prepared)) == ("OK", "OK")
    ca.authorities.write_text(old_trust)  # on a node that has not got it yet
    assert ca.verify(prepared, revocations=False) == "OK"
    ca.authorities.write_text(both)

    meshctl("ca", "rotate", ca.directory, "--switch")
    after, _ = ca.issue("web", "after")
    assert (ca.verify(before), ca.verify(after)) == ("OK", "OK")
    refused = meshctl("ca", "rotate", ca.directory, "--finish", check=False)
    assert refused.returncode == 1
    assert "2 of the old generation are valid still" in refused.stderr

    meshctl("ca", "rotate", ca.directory, "--finish", "--force")
    assert ca.verify(after) == "OK"
    assert "unable to get" in ca.verify(before)
    assert not (ca.directory / "1").exists()


def test_a_token_is_kept_by_nobody_but_who_gets_it(ca):
    token = ca.path("token")
    answer = meshctl("ca", "token", ca.directory, "node/host-1", "--out", token, "--ttl", "10m")
    secret = token.read_text().strip()
    assert (len(secret), mode(token)) == (64, 0o600)
    assert secret not in answer.stdout + (ca.directory / "ca.json").read_text()
    shown = json.loads(meshctl("ca", "token", ca.directory, "node/host-1", "-o", "json").stdout)
    assert shown["identity"] == "spiffe://example.org/node/host-1"
    assert shown["token"] not in (secret, "")
    assert meshctl("ca", "token", ca.directory, "not an identity", check=False).returncode == 1


def test_what_root_writes_belongs_to_the_owner_of_the_directory(ca):
    """So that a worker can go on to sign."""
    run("chown", "-R", "daemon:daemon", ca.directory)
    ca.issue("shop/web", "web")
    meshctl("ca", "token", ca.directory, "node/host-1")
    meshctl("ca", "revoke", ca.directory, "shop/web")
    meshctl("ca", "rotate", ca.directory)
    assert {path.owner() for path in [ca.directory, *ca.directory.rglob("*")]} == {"daemon"}
    assert mode(ca.directory / "2") == 0o700


def test_many_may_ask_at_once(ca):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: ca.issue(f"w/{number}", f"w{number}"), range(16)))
    assert sorted(one["identity"] for one in ca.show()["issued"]) == sorted(f"spiffe://example.org/w/{number}" for number in range(16))


def handshake(ca, client, server):
    """Whom each side of a TLS 1.3 handshake of Python's, which is openssl's, sees."""
    def context(side, pair):
        made = ssl.SSLContext(side)
        made.check_hostname = False
        made.verify_mode = ssl.CERT_REQUIRED
        made.minimum_version = ssl.TLSVersion.TLSv1_3
        made.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN | ssl.VERIFY_X509_STRICT
        made.load_cert_chain(*pair)
        made.load_verify_locations(ca.authorities)
        made.load_verify_locations(ca.revoked)
        return made

    near, far = socket.socketpair()
    seen = {}

    def serve():
        with context(ssl.PROTOCOL_TLS_SERVER, server).wrap_socket(far, server_side=True) as session:
            seen["server"] = session.getpeercert()["subjectAltName"]
            session.recv(1)

    thread = threading.Thread(target=serve)
    thread.start()
    with context(ssl.PROTOCOL_TLS_CLIENT, client).wrap_socket(near) as session:
        seen["client"] = session.getpeercert()["subjectAltName"]
        session.send(b"x")
        thread.join(30)
    return seen


def test_others_speak_tls_with_these_certificates(ca):
    seen = handshake(ca, ca.issue("shop/web", "web"), ca.issue("shop/db", "db", "--key-type", "rsa-2048"))
    assert seen == {"server": (("URI", "spiffe://example.org/shop/web"),), "client": (("URI", "spiffe://example.org/shop/db"),)}


def test_says_what_files_hold(ca):
    certificate, key = ca.issue("shop/web", "web")
    meshctl("ca", "revoke", ca.directory, ca.issue("old", "old")[0])
    answer = meshctl("certificate", "show", certificate, key, ca.revoked, "-o", "json")
    leaf, issuer = json.loads(answer.stdout)["files"][0]["certificates"]
    assert leaf["identity"] == "spiffe://example.org/shop/web"
    assert leaf["serial"] == text_of(certificate, "-serial").strip().removeprefix("serial=")
    assert leaf["fingerprint"] == text_of(certificate, "-fingerprint", "-sha256").strip().split("=")[1].replace(":", "")
    assert issuer["authority"]
    assert json.loads(answer.stdout)["files"][1]["keys"] == ["EC P-256"]
    assert sum(len(one["serials"]) for one in json.loads(answer.stdout)["files"][2]["revocations"]) == 1
    assert "spiffe://example.org/shop/web" in meshctl("certificate", "show", certificate).stdout


@pytest.mark.parametrize(("wish", "why"), [
    ({"days": -1}, "it has expired"),
    ({"names": "DNS:web"}, "it has no URI among its alternative names"),
    ({"names": "URI:spiffe://mesh.test/a,URI:spiffe://mesh.test/b"}, "it has 2 URIs"),
    ({"usage": "clientAuth"}, "its extended key usage has no serverAuth"),
    ({"key": ("-newkey", "rsa:1024")}, "its key is too weak"),
], ids=["expired", "nameless", "two", "usage", "weak"])
def test_says_what_is_wrong_with_certificates_of_others(tmp_path, wish, why):
    certificate, _ = OpensslAuthority(tmp_path / "other").issue("web", **wish)
    answer = meshctl("certificate", "show", certificate, check=False)
    assert answer.returncode == 4
    assert why in answer.stdout


def test_says_whether_workers_would_refuse_it(ca, tmp_path):
    ours, revoked = ca.issue("shop/web", "web")[0], ca.issue("shop/db", "db")[0]
    meshctl("ca", "revoke", ca.directory, revoked)
    other, _ = OpensslAuthority(tmp_path / "other").issue("web")

    def show(certificate, *options):
        answer = meshctl("certificate", "show", certificate, "--authorities", ca.authorities, "--revoked", ca.revoked, *options, check=False)
        return answer.returncode, answer.stdout

    assert show(ours)[0] == 0
    for code, said, why in ((*show(revoked), "(revoked)"), (*show(other), "(unknown_ca)"),
                            (*show(ours, "--trust-domain", "example.com"), "(wrong_trust_domain)")):
        assert (code, why in said) == (4, True), said


def test_wrong_usage_is_refused_before_anything_is_done(ca):
    for arguments, why in ((("issue", ca.directory, "web", "--out", "web.pem"), "--csr FILE"),
                           (("issue", ca.directory, "web", "--out", "web.pem", "--key-out", "web.key", "--key-type", "dsa"), "dsa"),
                           (("rotate", ca.directory, "--switch", "--finish"), "excludes"),
                           (("rotate", ca.directory, "--force"), "--finish")):
        answer = meshctl("ca", *arguments, check=False)
        assert answer.returncode == 2, answer.stdout
        assert why in answer.stderr
    assert ca.show()["issued"] == []
    again = meshctl("ca", "init", ca.directory, "--trust-domain", "example.org", check=False)
    assert (again.returncode, "it is not empty" in again.stderr) == (1, True)
