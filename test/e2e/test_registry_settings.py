# SPDX-License-Identifier: Apache-2.0
"""Registries come and go with meshd.yaml while the agent runs, and what files would change is told beside them."""

import json

import pytest

from harness import echo
from harness.agent import free_port
from harness.dns import Dns
from harness.process import wait_until
from harness.registry import backend, document, service

V4, ASKED = "10.96.0.62", "10.96.0.63"
LONG = 30  # s: a server that does not answer is told of after some


@pytest.fixture
def one(world):
    """A service of files, `line`, and an agent whose configuration names nothing."""
    a = world.tcp_echo("a")
    world.line = service("line", V4, 7, [backend("127.0.0.1", a.port)])
    world.registry.write(world.line)
    world.settings = world.place.root / "meshd.yaml"
    world.settings.write_text("")
    world.running = world.agent("--config", world.settings)
    world.running.wait_applied(world.line)
    return world


def configure(world, text):
    beside = world.settings.with_suffix(".new")
    beside.write_text(text)
    beside.rename(world.settings)


def registries(world):
    return {item["name"]: item for item in world.running.api.get("/v1/registries")["registries"]}


def test_a_registry_comes_and_goes_with_the_configuration(one):
    wait_until(lambda: set(registries(one)) == {"files"}, "the directory alone to be followed")
    configure(one, f"registry:\n  etcd: {{name: keys, endpoints: ['http://127.0.0.1:{free_port()}']}}\n")
    wait_until(lambda: registries(one).get("keys", {}).get("state") == "failing", lambda: f"it to be missed: {registries(one)}", LONG)
    assert echo.who(one, V4, 7) == "a"
    assert "configuration" not in [item["feature"] for item in one.running.status()["degraded"]]
    configure(one, "registry: {etcd: []}\n")
    wait_until(lambda: set(registries(one)) == {"files"}, lambda: f"it to go: {registries(one)}")
    assert echo.who(one, V4, 7) == "a"


def test_a_registry_that_is_refused_leaves_those_before(one):
    keys = f"{{name: keys, endpoints: ['http://127.0.0.1:{free_port()}']}}"
    configure(one, f"registry:\n  etcd: {keys}\n")
    wait_until(lambda: "keys" in registries(one), lambda: f"it to come: {registries(one)}")
    configure(one, f"registry:\n  etcd:\n    - {keys}\n    - {keys}\n")
    wait_until(lambda: f"{one.settings}:4:14: registry \"keys\" is given twice, first in line 3" in one.running.output(), "the refusal in the log")
    assert set(registries(one)) == {"files", "keys"}


def test_what_files_would_change_is_told_beside_backends_that_are_asked_for(one):
    names = one.keep(Dns(one.place.root / "dns", {"db.test": ["127.0.0.1"]}))
    configure(one, json.dumps({"registry": {"dns": {"servers": [names.server]}}}))
    port = one.line["backends"][0]["port"]
    asked = {"name": "db", "address": ASKED, "port": 7, "target_port": port, "backends_from": {"dns": "db.test"}}
    one.registry.replace(document([asked]), name="asked")
    wait_until(lambda: [item["address"] for item in one.running.services().get("db", {"ports": [{"backends": []}]})["ports"][0]["backends"]]
               == ["127.0.0.1"], lambda: f"the answer: {registries(one)}", LONG)
    assert echo.who(one, ASKED, 7) == "a"
    assert one.running.meshctl_json("config", "diff")["operations"] == []
    beside = one.place.root / "beside"
    beside.mkdir()
    (beside / "line.yaml").write_text(document([one.line]))
    assert {item["service"] for item in one.running.meshctl_json("config", "diff", beside)["operations"]} == {"db:7/tcp"}
