# SPDX-License-Identifier: Apache-2.0
"""Maps that somebody else changed are found, repaired and counted; and they can be read by people."""


import pytest

from harness import echo
from harness.process import run
from harness.registry import backend, service

V4 = "10.96.0.70"
MAP_NAMES = ["md_backends", "md_connects", "md_cursors", "md_frontends", "md_meta", "md_reasons", "md_services", "md_tables"]


@pytest.fixture
def one(world):
    server = world.tcp_echo("a")
    world.made = service("line", V4, 7, [backend("127.0.0.1", server.port)])
    world.registry.write(world.made)
    world.running = world.agent()
    world.running.wait_applied(world.made)
    return world


def delete_first(world, name):
    key = world.place.entries(name)[0]["key"]
    run("bpftool", "map", "delete", "pinned", world.place.maps / name, "key", "hex", *(byte.removeprefix("0x") for byte in key))


@pytest.mark.parametrize("name", ["md_frontends", "md_services", "md_backends", "md_tables"])
def test_a_deleted_entry_is_repaired_on_demand(one, name):
    delete_first(one, name)
    operations = one.running.api.post("/v1/reconcile")["operations"]
    assert operations
    assert echo.who(one, V4, 7) == "a"
    assert one.place.entries(name)
    drift = one.running.api.get("/v1/drift")
    assert drift["repaired_total"] == len(operations)
    assert [item["operation"] for item in drift["last"]["operations"]] == [item["operation"] for item in operations]
    assert one.running.status()["reconcile"]["drift_total"] == len(operations)


def test_meshctl_shows_and_repairs(one):
    delete_first(one, "md_frontends")
    assert one.running.meshctl("drift", "--repair", check=False).returncode == 4  # something differed
    assert one.running.meshctl("drift", "--repair").returncode == 0
    assert echo.who(one, V4, 7) == "a"
    assert one.running.meshctl_json("drift")["repaired_total"] == 1
    assert "registries, desired state and maps agree" in one.running.meshctl("drift").stdout


def test_nothing_to_repair_is_said_too(one):
    before = one.running.api.get("/v1/drift")["checks_total"]
    assert one.running.api.post("/v1/reconcile") == {"operations": [], "errors": []}
    assert one.running.api.get("/v1/drift")["checks_total"] == before + 1


def test_a_foreign_entry_is_removed(one):
    run("bpftool", "map", "update", "pinned", one.place.maps / "md_frontends", "key", "hex",
        *"00 00 00 00 00 00 00 00 00 00 ff ff 0a 60 00 47 00 07 06 00".split(), "value", "hex", *"ff ff 00 00".split())
    assert one.running.api.post("/v1/reconcile")["operations"]
    assert len(one.place.entries("md_frontends")) == 1


def test_interval_repairs_by_itself(world):
    server = world.tcp_echo("a")
    made = service("line", V4, 7, [backend("127.0.0.1", server.port)])
    world.registry.write(made)
    settings = world.place.root / "meshd.yaml"
    settings.write_text("reconcile:\n  interval: 1s\n")
    running = world.agent("--config", settings)
    running.wait_applied(made)
    world.place_drift = delete_first(world, "md_frontends")
    running.wait_status(lambda status: status["reconcile"]["drift_total"] == 1, "the interval to repair")
    assert echo.who(world, V4, 7) == "a"


def test_bpftool_shows_named_fields(one):
    echo.who(one, V4, 7)
    frontend = one.place.entries("md_frontends")[0]["formatted"]
    assert set(frontend["key"]) == {"address", "port", "protocol", "reserved"}
    number = frontend["value"]["service_id"]
    assert number == one.running.service("line")["ports"][0]["id"]
    assert one.place.entries("md_services")[0]["formatted"]["value"].keys() >= {"name", "port", "protocol"}
    assert one.place.entries("md_backends")[0]["formatted"]["value"].keys() >= {"endpoint", "service_id", "weight", "state"}
    counted = {(item["key"]["service_id"], item["key"]["backend_id"]): sum(cpu["value"]["connects"] for cpu in item["values"])
               for item in (entry["formatted"] for entry in one.place.entries("md_connects"))}
    assert counted[number, one.running.service("line")["ports"][0]["backends"][0]["id"]] == 1


def test_every_map_is_pinned_under_its_name(one):
    pinned = {path.name for path in one.place.maps.iterdir()}
    assert pinned >= set(MAP_NAMES)
    listed = {item["name"] for item in one.running.meshctl_json("map", "list")["maps"]}
    assert listed == pinned
