# SPDX-License-Identifier: Apache-2.0
"""The Debian packages in a clean root with systemd: what an administrator does with them, from installing to purging. And the container
image that is made of them."""

import json
import re
import shutil
import socket

import pytest

from harness import packages
from harness.booted_root import TOP, BootedRoot
from harness.echo import TcpEcho
from harness.process import freeze, run, wait_until

ADDRESS = ("10.96.0.10", 80)
WEB = "services: [{{name: web, address: 10.96.0.10, port: 80, backends: [{{address: 127.0.0.1, port: {}}}]}}]\n"
EXPOSURE = 4.5  # of docs/install.md: what systemd-analyze says of the unit may not become worse

pytestmark = [pytest.mark.xdist_group("packages"),
              pytest.mark.skipif(packages.suite() is None, reason="clean roots need Debian 12 or 13 and debootstrap")]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return packages.build(tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="module")
def machine(built):
    made = BootedRoot(packages.clean_root("systemd", *built), "systemd")
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def booted(machine, built):
    """With the packages installed."""
    machine.install(built)
    return machine


@pytest.fixture
def echo(booted):
    made = TcpEcho("backend", netns=booted.netns)
    yield made
    made.close()


def status(booted):
    return json.loads(booted.call("meshctl", "status", "-o", "json").stdout)


def ids(booted, kind):
    return {one["id"] for one in json.loads(booted.call("meshctl", kind, "list", "-o", "json").stdout)[f"{kind}s"]}


def connect(booted):
    with booted.entered():
        connection = socket.create_connection(ADDRESS, timeout=10)
    assert connection.recv(100) == b"backend\n"
    return connection


def alive(connection, word=b"still there"):
    connection.sendall(word)
    return connection.recv(100) == word


def serve(booted, echo):
    booted.path("/etc/meshd/services.d/web.yaml").write_text(WEB.format(echo.port))
    wait_until(lambda: booted.call("meshctl", "service", "show", "web", check=False).returncode == 0, "the service")


def unit(booted, name):
    return booted.call("systemctl", "show", "--value", "--property", name, "meshd").stdout.strip()


def traces(booted):
    """Whatever the package put anywhere, but for its user."""
    places = ("/etc", "/lib/systemd", "/run/meshd", "/sys/fs/bpf", "/usr", "/var/lib", "/var/log")
    found = booted.call("find", *places, "-path", "/var/lib/dpkg", "-prune", "-o", "-name", "*mesh*", "-print", check=False)
    return found.stdout.split()


@pytest.mark.skipif(shutil.which("lintian") is None, reason="lintian is not installed")
def test_lintian_finds_nothing(built):
    done = run("lintian", "--allow-root", "--fail-on", "error,warning", *built, timeout=120)
    assert not done.stdout


def test_the_unit_is_sound_and_what_stands_still_is_started_again(booted, echo):
    verified = booted.call("systemd-analyze", "verify", "--man=no", "/usr/lib/systemd/system/meshd.service")
    assert not verified.stdout + verified.stderr
    exposure = booted.call("systemd-analyze", "security", "--offline=true", "/usr/lib/systemd/system/meshd.service").stdout
    assert float(re.search(r"exposure level for meshd.service: (\S+)", exposure)[1]) <= EXPOSURE

    serve(booted, echo)
    connection = connect(booted)
    booted.path("/etc/meshd/meshd.yaml").write_text("version: 1\nlog: {level: debug}\nflows: {log: {file: /var/log/meshd/flows.jsonl}}\n")
    booted.call("systemctl", "reload", "meshd")
    wait_until(booted.path("/var/log/meshd/flows.jsonl").exists, "the log of flows, which the worker's user writes")

    booted.call("sh", "-c", "mkdir -p /run/systemd/system/meshd.service.d && "
                "printf '[Service]\\nWatchdogSec=2s\\n' >/run/systemd/system/meshd.service.d/watchdog.conf && systemctl daemon-reload")
    booted.call("systemctl", "restart", "meshd")
    first = unit(booted, "MainPID")
    # Numbers of processes inside are not those of the test.
    freeze(next(int(pid) for pid in (booted.cgroup.path / "system.slice/meshd.service/cgroup.procs").read_text().split()
                if open(f"/proc/{pid}/status", encoding="utf-8").read().split("NSpid:")[1].split()[1] == first))
    wait_until(lambda: unit(booted, "MainPID") not in (first, "0") and unit(booted, "ActiveState") == "active", "another agent", timeout=30)
    assert "watchdog" in booted.call("journalctl", "--no-pager", "-u", "meshd").stdout.lower()
    assert alive(connection) and alive(connect(booted))
    connection.close()
    booted.path("/run/systemd/system/meshd.service.d/watchdog.conf").unlink()
    booted.call("systemctl", "daemon-reload")


def test_who_connects_while_the_agent_is_away_waits_for_it(booted):
    """Whether there is anything behind the listener does not matter here: it is open or refuses."""
    nowhere = {"certificate": "/nowhere/node.pem", "key": "/nowhere/node.key", "authorities": "/nowhere/ca.pem"}
    booted.path("/etc/meshd/meshd.yaml").write_text(f"version: 1\ntls: {json.dumps({'trust_domain': 'example.org', 'threads': 2} | nowhere)}\n")
    booted.call("systemctl", "reload", "meshd")
    wait_until(lambda: unit(booted, "NFileDescriptorStore") == "4", lambda: unit(booted, "NFileDescriptorStore"))

    def reaches():
        try:
            with booted.entered(), socket.create_connection(("127.0.0.1", 15008), timeout=5):
                return True
        except ConnectionResetError:  # taken, and sent away before connect() was over: the worker has no identity
            return True
    first = unit(booted, "MainPID")
    booted.call("systemctl", "kill", "--signal=KILL", "--kill-who=main", "meshd")
    wait_until(lambda: unit(booted, "MainPID") == "0", "the agent to be gone", interval=0.01)
    assert reaches()
    wait_until(lambda: unit(booted, "MainPID") not in (first, "0") and unit(booted, "ActiveState") == "active", "another agent", timeout=30)
    assert reaches() and unit(booted, "NFileDescriptorStore") == "4"
    booted.call("systemctl", "restart", "meshd")
    assert reaches() and unit(booted, "NFileDescriptorStore") == "4"
    assert "opened anew" not in booted.call("journalctl", "--no-pager", "-u", "meshd").stdout
    booted.path("/etc/meshd/meshd.yaml").write_text("version: 1\n")
    booted.call("systemctl", "reload", "meshd")
    wait_until(lambda: unit(booted, "NFileDescriptorStore") == "0", "listeners to be given up")


def test_from_installing_to_purging_no_connection_breaks(booted, echo, tmp_path):
    assert status(booted)["state"] == "ok"
    serve(booted, echo)
    connections = [connect(booted)]
    before, maps = status(booted), ids(booted, "map")

    booted.path("/etc/meshd/meshd.yaml").write_text("version: 1\nnode: {locality: eu/a/n1}\n")
    booted.install(packages.build(tmp_path / "next", "--version", "0.1.1"))
    wait_until(lambda: unit(booted, "ActiveState") == "active", "the new agent")
    after = status(booted)
    assert after["pid"] != before["pid"]
    assert ids(booted, "map") == maps
    assert "locality" in booted.path("/etc/meshd/meshd.yaml").read_text()
    connections.append(connect(booted))

    booted.apt("remove", "meshd")
    assert not booted.call("sh", "-c", "pidof meshd || cat /proc/[0-9]*/comm | grep meshd", check=False).stdout
    connections.append(connect(booted))

    booted.apt("purge", "meshd", "meshctl", "meshd-doc")
    assert all(alive(connection) for connection in connections)
    assert traces(booted) == []
    with pytest.raises(OSError):
        connect(booted)
    wait_until(lambda: not maps & {item["id"] for item in json.loads(run("bpftool", "map", "show", "-j").stdout)}, "the maps to go")
    for connection in connections:
        connection.close()


@pytest.mark.skipif(shutil.which("buildah") is None, reason="buildah is not installed")
def test_the_container_image_serves(built, tmp_path):
    archive = tmp_path / "meshd.tar"
    run(TOP / "deploy/container/build.sh", "--suite", packages.suite(), archive, *(one for one in built if "doc" not in one.name), timeout=200)
    buildah = ("buildah", "--storage-driver", "vfs", "--root", tmp_path / "store", "--runroot", tmp_path / "run")
    container = run(*buildah, "from", f"oci-archive:{archive}", timeout=100).stdout.strip()
    configuration = json.loads(run(*buildah, "inspect", "--type", "container", container).stdout)["OCIv1"]["config"]
    started = BootedRoot(run(*buildah, "mount", container).stdout.strip(), *configuration["Cmd"])
    echo = TcpEcho("backend", netns=started.netns)
    try:
        wait_until(lambda: started.call("meshctl", "status", check=False).returncode == 0, lambda: started.process.output(), timeout=30)
        assert started.call("id", "meshd").stdout
        serve(started, echo)
        with connect(started) as connection:
            assert alive(connection)
        started.call("meshctl", "--version")
    finally:
        echo.close()
        started.close()
        run(*buildah, "rm", container)
