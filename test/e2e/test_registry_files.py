# SPDX-License-Identifier: Apache-2.0
"""What happens to traffic when the registry's files change, are wrong or go away."""

import shutil

import pytest

from harness import echo
from harness.process import wait_until
from harness.registry import backend, document, service

V4 = "10.96.0.40"


@pytest.fixture
def two(world):
    """A service that leads to `a`; `world.other` is the same service leading to `b`."""
    a, b = world.tcp_echo("a"), world.tcp_echo("b")
    world.first = service("line", V4, 7, [backend("127.0.0.1", a.port)])
    world.other = service("line", V4, 7, [backend("127.0.0.1", b.port)])
    world.registry.write(world.first)
    world.running = world.agent()
    world.running.wait_applied(world.first)
    return world


def refused(agent):
    return [source for source in agent.status()["registry"]["sources"] if source["state"] == "refused"]


@pytest.mark.parametrize("way", ["replace", "write_in_place", "save_like_vim"])
def test_a_changed_file_changes_where_connections_go(two, way):
    for wanted, name in ((two.other, "b"), (two.first, "a"), (two.other, "b")):
        getattr(two.registry, way)(document([wanted]))
        two.running.wait_applied(wanted)
        assert echo.who(two, V4, 7) == name


def test_a_new_file_adds_and_its_removal_takes_away(two):
    more = service("more", "10.96.0.41", 7, two.other["backends"])
    two.registry.write(more, name="more")
    two.running.wait_applied(two.first, more)
    assert echo.who(two, "10.96.0.41", 7) == "b"
    two.registry.remove("more")
    two.running.wait_applied(two.first)
    assert echo.who(two, V4, 7) == "a"


def test_a_service_taken_out_of_a_file_is_gone(two):
    more = service("more", "10.96.0.41", 7, two.other["backends"])
    two.registry.write(two.first, more)
    two.running.wait_applied(two.first, more)
    two.registry.write(more)
    two.running.wait_applied(more)
    assert two.running.meshctl_json("explain", f"{V4}:7")["service"] is None


@pytest.mark.parametrize("text, where", [
    ("services:\n  - name: line\n    address: 10.96.0.300\n", ":3:"),
    ("services:\n  - name: line\n    adress: 10.96.0.40\n", ":3:"),
    ("services:\n  - name: [line\n", ":"),
    ("services:\n  - name: line\n    address: 10.96.0.40\n    ports: [{port: 70000}]\n", ":4:"),
], ids=["bad-address", "unknown-key", "broken-yaml", "port-out-of-range"])
def test_a_bad_file_is_refused_whole_and_traffic_goes_on(two, text, where):
    two.registry.replace(text)
    source = wait_until(lambda: refused(two.running), "the file to be refused")[0]
    assert f"{two.registry.path()}{where}" in source["error"]
    status = two.running.meshctl("status", check=False)
    assert status.returncode == 4, "meshctl status exits with 4 when something is not healthy"
    assert f"{two.registry.path()}{where}" in status.stdout
    assert echo.who(two, V4, 7) == "a"
    two.registry.write(two.other)
    two.running.wait_applied(two.other)
    wait_until(lambda: not refused(two.running), "the mended file to be accepted")


def test_a_bad_file_does_not_hold_back_another(two):
    two.registry.replace("services: 5\n", name="bad")
    wait_until(lambda: refused(two.running), "the file to be refused")
    two.registry.write(two.other)
    two.running.wait_applied(two.other)
    assert echo.who(two, V4, 7) == "b"


def test_a_half_written_file_changes_nothing(two):
    text = document([two.other, service("more", "10.96.0.41", 7, two.other["backends"])])
    with open(two.registry.path(), "w", encoding="utf-8") as file:
        file.write(text[:len(text) * 3 // 4])
        file.flush()
        for _ in range(20):
            assert echo.who(two, V4, 7) in ("a", "b")
        file.write(text[len(text) * 3 // 4:])
    wait_until(lambda: set(two.running.services()) == {"line", "more"}, "the whole file to be read")
    assert echo.who(two, V4, 7) == "b"


def test_writes_in_place_one_after_another_never_show_the_empty_file(two):
    """Between two writes the file is empty for a moment, also when the first one's end has just been seen."""
    text = document([two.first])
    for _ in range(300):
        two.registry.write_in_place(text)
        assert echo.who(two, V4, 7) == "a"


def test_one_address_in_two_files_is_refused(two):
    two.registry.write(service("rival", V4, 7, two.other["backends"]), name="rival")
    source = wait_until(lambda: refused(two.running), "the second file to be refused")[0]
    assert V4 in source["error"]
    assert echo.who(two, V4, 7) == "a"


def test_directory_removed_and_put_back(two):
    kept = two.place.root / "kept"
    shutil.copytree(two.registry.directory, kept)
    shutil.rmtree(two.registry.directory)
    wait_until(lambda: two.running.status()["registry"]["directory_error"] if "directory_error" in two.running.status()["registry"]
               else two.running.status()["state"] == "degraded", "the missing directory to be noticed", timeout=15)
    assert echo.who(two, V4, 7) == "a", "a registry that went away is no reason to forget its services"
    shutil.copytree(kept, two.registry.directory)
    two.registry.write(two.other)
    two.running.wait_applied(two.other, timeout=15)
    assert echo.who(two, V4, 7) == "b"


def test_agent_that_starts_without_its_directory_waits_for_it(world):
    server = world.tcp_echo("a")
    made = service("line", V4, 7, [backend("127.0.0.1", server.port)])
    shutil.rmtree(world.registry.directory)
    running = world.agent()
    world.registry.directory.mkdir()
    world.registry.directory.chmod(0o755)
    world.registry.write(made)
    running.wait_applied(made, timeout=15)
    assert echo.who(world, V4, 7) == "a"


def test_files_that_are_not_yaml_are_left_alone(two):
    (two.registry.directory / "README").write_text("not: [yaml")
    (two.registry.directory / ".hidden.yaml").write_text("not: [yaml")
    (two.registry.directory / "old.yaml~").write_text("not: [yaml")
    two.registry.write(two.other)
    two.running.wait_applied(two.other)
    assert not refused(two.running)
