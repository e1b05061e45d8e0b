# SPDX-License-Identifier: Apache-2.0
"""The certificates of a node, as meshctl certificate list and Prometheus see them, while their files change."""

import json
import os
import signal

import pytest

from harness.authority import TRUST_DOMAIN
from harness.mesh import Mesh
from harness.process import freeze, wait_until


@pytest.fixture
def host():
    made = Mesh(1)
    try:
        made.hosts[0].authority = made.authority
        yield made.hosts[0]
    finally:
        made.close()


def rows(host):
    # It exits with 4 when one is not in order.
    return json.loads(host.agent.meshctl("certificate", "list", "-o", "json", check=False).stdout)["certificates"]


def state(host, number=0):
    found = rows(host)
    return found[number]["state"] if len(found) > number else None


def wait_for(host, wanted, number=0):
    wait_until(lambda: state(host, number) == wanted, lambda: f"{wanted}: {rows(host)}\n{host.agent.output()}", timeout=60)


def identity(host, name):
    return {"name": name, "user": "daemon", "certificate": str(host.tls / f"{name}.pem"), "key": str(host.tls / f"{name}.key")}


def test_a_file_that_changes_is_told(host):
    host.certify(host.authority, "web")
    host.start(identities=[identity(host, "web")])
    wait_for(host, "ok", 1)
    node, web = rows(host)
    assert (node["whose"], node["identity"]) == ("node", f"spiffe://{TRUST_DOMAIN}/node/{host.name}")
    assert (web["whose"], web["name"], web["identity"]) == ("workload", "web", f"spiffe://{TRUST_DOMAIN}/web")
    assert 29 * 86400 < host.figure("meshd_tls_certificate_expiry_seconds", name="web") <= 30 * 86400

    kept = (host.tls / "web.pem").read_text()
    (host.tls / "web.pem").write_text("nothing")
    wait_for(host, "failing", 1)
    assert "web.pem" in rows(host)[1]["problem"]
    assert rows(host)[1]["identity"] == f"spiffe://{TRUST_DOMAIN}/web"
    assert host.figure("meshd_tls_certificate_problem") == 1
    assert host.agent.meshctl("certificate", "list", check=False).returncode == 4

    (host.tls / "web.pem").write_text(kept)
    wait_for(host, "ok", 1)
    host.certify(host.authority, "web", identity="other")
    wait_until(lambda: rows(host)[1]["identity"] == f"spiffe://{TRUST_DOMAIN}/other", "the new certificate", timeout=60)
    assert host.figure("meshd_tls_certificate_problem") == 0
    assert host.agent.meshctl("certificate", "list").returncode == 0


def test_one_that_is_missing_comes_later(host):
    host.start(identities=[identity(host, "web")])
    wait_for(host, "missing", 1)
    assert state(host) == "ok"
    host.certify(host.authority, "web")
    wait_for(host, "ok", 1)


def test_what_was_reported_is_told_again_by_the_next_worker(host):
    host.start()
    wait_for(host, "ok")
    worker = host.agent.worker_pid()
    freeze(host.agent.process.pid)  # so that what it shows next was told by the next worker
    certificate = host.tls / "node.pem"
    kept = certificate.read_text()
    os.kill(worker, signal.SIGKILL)
    certificate.write_text("nothing")
    host.agent.process.send(signal.SIGCONT)
    wait_for(host, "missing")
    certificate.write_text(kept)
    wait_for(host, "ok")
