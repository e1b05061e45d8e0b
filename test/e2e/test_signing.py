# SPDX-License-Identifier: Apache-2.0
"""Certificates that renew themselves: a node that signs with the built-in authority, and others that ask it."""

import json
import os
import pwd
import signal

import pytest

from harness.authority import TRUST_DOMAIN
from harness.built_in_authority import meshctl
from harness.cgroup import Cgroup
from harness.echo import TcpEcho, read_line
from harness.load import Load
from harness.mesh import PORT, SERVICE, USER, connect, encrypted
from harness.process import run, wait_until
from harness.signing_site import SIGNING, site


def serial(path):
    return run("openssl", "x509", "-in", path, "-noout", "-serial").stdout


def test_nodes_join_by_token_and_encrypt(tmp_path):
    with site() as made:
        signer, client = made.start_all()
        echo = signer.keep(TcpEcho("b", signer.address, signer.netns))
        made.mesh.publish(encrypted(echo))
        with connect(client) as connection:
            assert read_line(connection) == "b"
        row = made.row(client)
        assert row["identity"] == f"spiffe://{TRUST_DOMAIN}/node/{client.name}"
        assert (row["issuer"], row["renewal"] != "") == (f"{signer.address}:{SIGNING}", True)
        assert client.figure("meshd_tls_renewals_total", result="issued") == 1
        assert signer.figure("meshd_tls_signing_total", result="issued") == 2
        listed = signer.agent.meshctl("certificate", "list").stdout
        assert "signing agent" in listed and "its authority" in listed

        keys = made.issued(client)
        assert (keys.stat().st_mode & 0o7777, keys.stat().st_uid) == (0o600, pwd.getpwnam(USER).pw_uid)
        assert (keys.parent.stat().st_mode & 0o7777, keys.parent.stat().st_uid) == (0o700, pwd.getpwnam(USER).pw_uid)
        assert "PRIVATE KEY" in keys.read_text()
        # The token is worth one certificate; nothing of it, and no node's key, is with the authority.
        record = (made.ca.directory / "ca.json").read_text()
        assert (client.tls / "token").read_text() not in record
        answer = ask(made, client, tmp_path, token=(client.tls / "token").read_text())
        assert answer["status"] == 403 and "it was used already" in answer["error"], answer


def ask(made, host, directory, identity=None, **request):
    """What curl is told, that shows the host's certificate where `identity` is given."""
    run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", directory / "new.key", "-subj",
        "/CN=x", "-out", directory / "new.csr", *request.pop("options", ()))
    body = {"csr": (directory / "new.csr").read_text()} | request | ({"identity": identity} if identity else {})
    shown = ["--cert", made.issued(host), "--key", made.issued(host)] if identity else []
    answer = host.run("curl", "-sS", "--noproxy", "*", "--max-time", "10", "--cacert", made.ca.authorities, *shown, "--connect-to",
                      f"signing.meshd:{SIGNING}:{made.signer.address}:{SIGNING}", "-w", "\n%{http_code}", "-H", "Content-Type: application/json",
                      "--data-binary", "@-", f"https://signing.meshd:{SIGNING}/v1/sign", input=json.dumps(body), check=False)
    if answer.returncode != 0:
        return {"status": None, "error": answer.stderr}
    text, _, status = answer.stdout.rpartition("\n")
    return {"status": int(status)} | json.loads(text)


def test_only_what_is_allowed_is_signed(tmp_path):
    allow = [{"node": f"spiffe://{TRUST_DOMAIN}/node/h2", "may_have": [f"spiffe://{TRUST_DOMAIN}/shop/*"]}]
    with site(allow=allow) as made:
        _, client = made.start_all()
        prefix = f"spiffe://{TRUST_DOMAIN}"
        for identity, status in ((f"{prefix}/node/h2", 200), (f"{prefix}/shop/web", 200), (f"{prefix}/shop/a/b", 403), (f"{prefix}/node/h1", 403),
                                 ("spiffe://other.test/shop/web", 403)):
            answer = ask(made, client, tmp_path, identity)
            assert answer["status"] == status, (identity, answer)
        # What the request itself asks for must be the same; nothing else of it is taken.
        other = ask(made, client, tmp_path, f"{prefix}/shop/web", options=("-addext", f"subjectAltName=URI:{prefix}/node/h1"))
        assert other["status"] == 403 and "the request asks for" in other["error"], other
        wide = ask(made, client, tmp_path, f"{prefix}/shop/web", options=("-addext", "basicConstraints=critical,CA:TRUE"))
        (tmp_path / "wide.pem").write_text(wide["certificate"])
        text = run("openssl", "x509", "-in", tmp_path / "wide.pem", "-noout", "-text").stdout
        assert "CA:FALSE" in text and "CA:TRUE" not in text and "CN = web" in text.replace("CN=", "CN = ")
        # Without a certificate and without a token there is nothing.
        assert ask(made, client, tmp_path)["status"] == 403
        assert ask(made, client, tmp_path, token="0" * 64)["status"] == 403
        assert ask(made, client, tmp_path, csr="nothing", token="0" * 64)["status"] == 403


def test_certificates_are_renewed_at_half_of_their_time_under_traffic():
    with site(ttl="8s") as made:
        signer, client = made.start_all()
        echo = signer.keep(TcpEcho("b", signer.address, signer.netns))
        made.mesh.publish(encrypted(echo))
        load = client.keep(Load(client, tcp=(SERVICE, PORT)))
        first = serial(made.issued(client))
        for host in made.mesh.hosts:
            wait_until(lambda host=host: load.failures or host.figure("meshd_tls_renewals_total", result="issued") >= 2,
                       lambda host=host: host.agent.output(), timeout=60)
        before = load.new
        wait_until(lambda: load.failures or load.new >= before + 100, "more connections")
        assert not load.stop(), (client.agent.output(), signer.agent.output())
        assert serial(made.issued(client)) != first


def test_a_workload_without_files_has_its_own():
    allow = [{"node": f"spiffe://{TRUST_DOMAIN}/node/*", "may_have": [f"spiffe://{TRUST_DOMAIN}/shop/*"]}]
    with site(1, allow=allow) as made:
        host = made.signer
        made.start(host, identities=[{"name": "shop/web", "user": "games"}, {"name": "other/web", "user": "man"}])
        made.wait_for(host, "ok", "shop/web")
        assert made.row(host, "shop/web")["identity"] == f"spiffe://{TRUST_DOMAIN}/shop/web"
        assert made.issued(host, "identity-shop+web").stat().st_mode & 0o7777 == 0o600
        made.wait_for(host, "missing", "other/web", "may not have it")


def test_what_is_there_is_used_while_nobody_signs():
    with site(ttl="20s") as made:
        signer, client = made.start_all()
        echo = signer.keep(TcpEcho("b", signer.address, signer.netns))
        made.mesh.publish(encrypted(echo))
        signing = made.signing
        made.signing = signing | {"listen": "127.0.0.1:1"}  # where the worker may not listen
        signer.settings()
        signer.agent.reload()
        made.wait_for(client, "failing", problem=f"{signer.address}")
        with connect(client) as connection:
            assert read_line(connection) == "b"
        worker = client.agent.worker_pid()
        os.kill(worker, signal.SIGKILL)  # the next one begins with what is on the disk
        wait_until(lambda: client.agent.worker_pid() not in (None, 0, worker), "another worker")
        made.wait_for(client, "failing")
        with connect(client) as connection:
            assert read_line(connection) == "b"
        made.signing = signing
        signer.settings()
        signer.agent.reload()
        made.wait_for(client, "ok")


def test_a_node_that_was_revoked_gets_nothing_more(tmp_path):
    with site(3) as made:
        _, client, other = made.start_all()
        echo = other.keep(TcpEcho("b", other.address, other.netns))
        made.mesh.publish(encrypted(echo))
        kept = connect(client)
        assert read_line(kept) == "b"
        meshctl("ca", "revoke", made.ca.directory, f"node/{client.name}")
        answer = ask(made, client, tmp_path, f"spiffe://{TRUST_DOMAIN}/node/{client.name}")
        assert answer["status"] is None and "revoked" in answer["error"], answer
        with pytest.raises(ConnectionResetError):  # the list has reached the other node by itself
            kept.recv(1)
        kept.close()
