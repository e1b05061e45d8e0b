# SPDX-License-Identifier: Apache-2.0
"""Certificates of edge listeners that uacme gets from a real ACME server."""

import contextlib
import datetime
import json
import os
import pathlib
import pwd
import signal
import threading

import pytest

from harness.edge import Edge, read_all, route, web
from harness.mesh import USER
from harness.pebble import Pebble, needed
from harness.process import freeze, run, wait_until

pytestmark = needed


@pytest.fixture
def edge(mesh):
    return Edge(mesh)


def issued(*names):
    return {"acme": list(names)}


def settings(pebble, **keys):
    return {"directory": pebble.url, "email": "ops@example.org", "accept_terms": True} | keys


def start(edge, pebble, *certificates, **keys):
    edge.acme = settings(pebble, **keys)
    edge.listener(route("*"), certificates=list(certificates))
    return edge.start(web(edge.host.named("shop")), tls=False)


def row(edge, name):
    """What `meshctl certificate list` says of the certificate of this name."""
    rows = json.loads(edge.host.agent.meshctl("certificate", "list", "-o", "json", check=False).stdout)["certificates"]
    names = {one["certificate"]: one for one in rows if one["source"] == "acme"}
    return next((one for file, one in names.items() if file.rpartition("/")[2].startswith(name)), {"state": None, "problem": "", "renewal": ""})


def told(edge, pebble):
    return lambda: f"a certificate\n{edge.host.agent.output()}\n{pebble.process.output()}"


def wait_issued(edge, pebble, name="shop.test"):
    wait_until(lambda: row(edge, name)["state"] == "ok", told(edge, pebble), timeout=60)


def post(edge, body, user=None):
    """A word on challenges by a process that the worker has not started: the answer's status and text."""
    identity = pwd.getpwnam(user or "root")
    done = run("curl", "-sS", "-w", " %{http_code}", "--unix-socket", edge.host.place.root / "state/acme/hook.sock", "-d", json.dumps(body),
               "http://worker/v1/challenge", preexec_fn=lambda: (os.setgid(identity.pw_gid), os.setuid(identity.pw_uid)))
    text, _, status = done.stdout.rpartition(" ")
    return int(status), text


CHALLENGE = {"method": "begin", "type": "tls-alpn-01", "name": "shop.test", "token": "a", "authorization": "A" * 43}


def test_a_certificate_is_issued_by_a_handshake(edge):
    """With the nonces that pebble refuses by itself."""
    pebble = Pebble(edge, rejected_nonces=5)
    start(edge, pebble, edge.certify("blog", "blog.test"), issued("shop.test", "www.shop.test"))
    wait_issued(edge, pebble)
    for name in ("shop.test", "www.shop.test"):
        assert edge.curl(name, authority=pebble.root()).stdout == "shop\n"
    assert edge.curl("blog.test").stdout == "shop\n"
    assert edge.host.figure("meshd_acme_runs_total", result="issued") == 1
    shown = edge.shown()["public"]["acme"][0]
    assert shown["names"] == ["shop.test", "www.shop.test"] and shown["state"] == "issued" and shown["problem"] == ""
    assert "acme 10.1.0.2:14000" in edge.host.agent.meshctl("certificate", "list").stdout
    assert "shop.test, www.shop.test" in edge.host.agent.meshctl("edge", "list").stdout
    check_files(edge.host.place.root / "state/acme")
    # Nobody else has a say.
    assert post(edge, CHALLENGE) == (403, "it is another user's")
    assert post(edge, CHALLENGE, USER) == (403, "no certificate is being ordered")
    assert "ALPN protocol: acme-tls/1" not in edge.s_client("-alpn", "acme-tls/1")


def check_files(storage):
    """All is the worker's alone."""
    found = [storage, *storage.rglob("*")]
    assert {one.owner() for one in found} == {USER}
    assert oct(storage.stat().st_mode)[-3:] == "700"
    keys = [one for one in found if one.is_file() and "PRIVATE KEY" in one.read_text()]
    assert {one.name.split("-")[0] for one in keys} == {"shop.test", "key.pem"}
    assert all(oct(one.stat().st_mode)[-2:] == "00" for one in keys)


def test_a_certificate_is_issued_by_an_answer_over_http(edge):
    pebble = Pebble(edge)
    start(edge, pebble, issued("shop.test"), challenge="http-01", http="[::]:80")
    wait_issued(edge, pebble)
    assert edge.curl(authority=pebble.root()).stdout == "shop\n"
    answer = edge.curl(path="/.well-known/acme-challenge/a", port=80, scheme="http", options=("-w", "%{http_code}"))
    assert answer.stdout.endswith("404")
    # An authority that has forgotten the account is given a new one.
    pebble.process.stop()
    pebble.start()
    edge.listeners[0]["certificates"] = [issued("shop.test", "www.shop.test")]
    edge.reload()
    wait_until(lambda: edge.curl("www.shop.test", check=False, authority=pebble.root()).stdout == "shop\n", told(edge, pebble), timeout=60)
    assert edge.host.figure("meshd_acme_runs_total", result="failed") == 0


def test_a_name_that_is_not_this_hosts_is_told_of_and_keeps_nobody_waiting(edge):
    pebble = Pebble(edge)
    pebble.lead_astray("bad.test")
    start(edge, pebble, edge.certify("blog", "blog.test"), issued("bad.test"), issued("shop.test"))
    wait_issued(edge, pebble)
    wait_until(lambda: row(edge, "bad.test")["problem"], told(edge, pebble), timeout=60)
    bad = row(edge, "bad.test")
    assert bad["state"] == "missing" and "Failed to connect to" in bad["problem"], bad
    assert "unrecognized name" in edge.s_client(name="bad.test")
    assert edge.refused("no_certificate") >= 1
    assert edge.curl(authority=pebble.root()).stdout == "shop\n" and edge.curl("blog.test").stdout == "shop\n"
    assert edge.host.agent.meshctl("edge", "list", check=False).returncode == 4
    # The next worker waits as long as this one would have.
    edge.host.agent.stop()
    kept = edge.host.place.root / "state/acme/failures.json"
    failures = json.loads(kept.read_text())
    (one,) = failures["certificates"].values()
    assert one["failures"] == 1
    one["next"] += 3600
    kept.write_text(json.dumps(failures))
    edge.host.agent.start()
    edge.wait_open()
    wait_until(lambda: row(edge, "bad.test")["problem"], edge.host.agent.output)
    later = row(edge, "bad.test")
    assert later["problem"] == bad["problem"]
    assert datetime.datetime.fromisoformat(later["renewal"]).timestamp() == one["next"]
    assert edge.host.figure("meshd_acme_runs_total") == 0
    # Other settings may make it good.
    edge.acme["email"] = "other@example.org"
    edge.reload()
    wait_until(lambda: row(edge, "bad.test")["renewal"] != later["renewal"], edge.host.agent.output, timeout=60)


def test_it_is_renewed_and_no_request_fails(edge):
    pebble = Pebble(edge, validity=15)
    start(edge, pebble, issued("shop.test"), renew_before="8760h")
    wait_issued(edge, pebble)
    first, failures, stop = edge.serial(), [], threading.Event()
    with edge.connect_tls(authority=pebble.root()) as kept:
        def load():
            while not stop.is_set():
                done = edge.curl(check=False, options=("-k",))
                if done.stdout != "shop\n":
                    failures.append(done.stderr)

        thread = threading.Thread(target=load)
        thread.start()
        try:
            wait_until(lambda: edge.serial() != first, told(edge, pebble), timeout=60)
            kept.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert b"shop\n" in read_all(kept)
        finally:
            stop.set()
            thread.join()
    assert not failures
    assert edge.host.figure("meshd_acme_runs_total", result="failed") == 0


def clients(edge):
    """Processes of uacme that this host's worker has started."""
    lines = {}
    for file in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            lines[int(file.parent.name)] = file.read_bytes().split(b"\0")
    return [pid for pid, words in lines.items() if words[0] == b"uacme" and any(str(edge.host.place.root).encode() in one for one in words)]


def test_a_worker_that_dies_takes_uacme_with_it_and_the_next_one_carries_on(edge):
    pebble = Pebble(edge)
    freeze(pebble.process.pid)
    try:
        start(edge, pebble, issued("shop.test"))
        wait_until(lambda: clients(edge), edge.host.agent.output)
        before, first = edge.host.agent.worker_pid(), clients(edge)
        run("kill", f"-{signal.SIGKILL.value}", before)
        wait_until(lambda: not set(first) & set(clients(edge)), lambda: clients(edge))
    finally:
        pebble.process.send(signal.SIGCONT)
    wait_issued(edge, pebble)
    assert edge.curl(authority=pebble.root()).stdout == "shop\n"
    edge.host.agent.stop()
    assert not clients(edge)
