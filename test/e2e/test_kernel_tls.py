# SPDX-License-Identifier: Apache-2.0
"""`tls.kernel` on the kernel that is there: where it does TLS, it does it for traffic between hosts; where it does not, that is told, and
the worker does."""

import hashlib

import pytest

from harness.mesh import encrypted, start
from harness.process import run, wait_until
from harness.programs import NginxFiles, random_files

# What the kernel decides: nothing is assumed of it but that all tell the same.


def feature(agent):
    return next(row for row in agent.meshctl_json("feature", "list")["features"] if row["name"] == "kernel_tls")


def kernel_has_tls():
    """As who has the module may ask: it is loaded by the first who does."""
    code = ("import socket\na = socket.create_server(('127.0.0.1', 0))\nb = socket.create_connection(a.getsockname())\n"
            "b.setsockopt(socket.IPPROTO_TCP, 31, b'tls')")
    return run("/usr/bin/python3", "-c", code, check=False).returncode == 0


@pytest.mark.parametrize("wanted", ["off", "auto", "on"])
def test_what_is_asked_for_is_used_or_told_and_files_come_whole(mesh, wanted):
    client, server = start(mesh, kernel=wanted)
    files = random_files(server.place.root / "files", [1, 16385, 5 << 20], seed=9)
    mesh.publish(encrypted(server.nginx(NginxFiles, server.place.root / "files")))
    for name, path in files.items():
        target = client.place.root / "got"
        client.curl(f"/{name}", options=("-o", target))
        assert hashlib.sha256(target.read_bytes()).digest() == hashlib.sha256(path.read_bytes()).digest(), name
    for host in (client, server):
        shown = feature(host.agent)
        is_used = shown["state"] == "used"
        figures = {way: host.figure("meshd_tls_kernel", way=way) for way in ("transmit", "receive")}
        assert set(figures.values()) == {float(is_used)}, shown
        told = [row for row in host.agent.status()["degraded"] if row["feature"] == "kernel tls"]
        if wanted == "off":
            assert shown["state"] == "idle" and not told
        elif not kernel_has_tls():
            assert shown["state"] == "replaced" and "modprobe tls" in shown["detail"], shown
            assert bool(told) == (wanted == "on")
            if told:
                assert told[0]["remedy"] == "write tls.kernel: auto or off"
        elif wanted == "on":
            assert is_used, shown
        if is_used:
            wait_until(lambda: host.figure("meshd_tls_kernel_connections_total", way="transmit") > 0, "the kernel to be used")
            assert host.figure("meshd_tls_kernel_failures_total") == 0
    if feature(client.agent)["state"] == "used" and "splice" not in feature(client.agent)["detail"].partition(";")[2]:
        assert client.figure("meshd_tls_spliced_bytes_total") > 0
