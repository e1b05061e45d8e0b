# SPDX-License-Identifier: Apache-2.0
"""Services whose backends come from a real name server: their records are followed, and a server that fails takes nothing."""

import json

import pytest

from harness import echo
from harness.dns import Dns
from harness.process import wait_until
from harness.registry import document

ADDRESS, ADDRESS6 = "10.96.0.60", "fd00:96::60"
LONG = 60  # s: a question without an answer is given up after some


def start(world, query, hosts=(), services=(), ttl=1, hold="100%", hold_time="5s", **dns):
    """A name server, an agent, and a service `db` that asks it `query`. Backends listen on `world.port`."""
    world.names = world.keep(Dns(world.place.root / "dns", hosts, services, ttl))
    world.one = world.keep(echo.TcpEcho("one", "127.0.0.1"))
    world.port = world.one.port
    world.two = world.keep(echo.TcpEcho("two", "127.0.0.2", port=world.port))
    world.six = world.keep(echo.TcpEcho("six", "::1", port=world.port))
    path = world.place.root / "meshd.yaml"
    path.write_text(json.dumps({"registry": {"dns": {"servers": [world.names.server]} | dns, "hold": {"share": hold, "time": hold_time}}}))
    entry = {"name": "db", "addresses": [ADDRESS, ADDRESS6], "port": 7, "target_port": world.port, "backends_from": query}
    world.registry.replace(document([entry]))
    world.running = world.agent("--config", path)
    return world


def backends(world):
    ports = world.running.services().get("db", {"ports": [{"backends": []}]})["ports"]
    return sorted((one["address"], one["port"], one["weight"]) for one in ports[0]["backends"])


def wait_backends(world, *wanted, timeout=LONG):
    """Pairs or triples; without more said, a backend has the service's target port and weight 1."""
    full = sorted((*one, *(world.port, 1)[len(one) - 1:]) for one in wanted)
    wait_until(lambda: backends(world) == full, lambda: f"{full}, has {backends(world)}; {shown(world)}", timeout)


def shown(world):
    """It is there as soon as some service asks it."""
    none = {"state": "absent", "error": "", "held": []}
    return next((item for item in world.running.api.get("/v1/registries")["registries"] if item["name"] == "dns"), none)


def test_addresses_of_both_families_are_backends_and_changes_are_followed(world):
    start(world, {"dns": "db.test"}, {"db.test": ["127.0.0.1", "::1"]})
    wait_backends(world, ("127.0.0.1",), ("::1",))
    assert echo.who(world, ADDRESS, 7) == "one" and echo.who(world, ADDRESS6, 7) == "six"
    world.names.set({"db.test": ["127.0.0.2"]})
    wait_backends(world, ("127.0.0.2",))
    assert echo.who(world, ADDRESS, 7) == "two"


def test_a_server_that_stops_takes_nothing_and_is_followed_again(world):
    start(world, {"dns": "db.test"}, {"db.test": ["127.0.0.1"]})
    wait_backends(world, ("127.0.0.1",))
    wait_until(lambda: shown(world)["state"] == "ok", lambda: f"it to be well: {shown(world)}", timeout=LONG)
    world.names.process.stop()
    wait_until(lambda: shown(world)["state"] == "failing", lambda: f"it to be missed: {shown(world)}", timeout=LONG)
    assert "records of db.test" in shown(world)["error"]
    assert world.running.meshctl("registry", "list", check=False).returncode == 4
    wait_backends(world, ("127.0.0.1",))
    assert echo.who(world, ADDRESS, 7) == "one"
    world.names.set({"db.test": ["127.0.0.2"]})
    wait_backends(world, ("127.0.0.2",))
    wait_until(lambda: shown(world)["state"] == "ok", lambda: f"it to be well: {shown(world)}", timeout=LONG)


def test_a_server_that_refuses_takes_nothing(world):
    # Of a name outside its zone it says nothing but that it will not.
    start(world, {"dns": "db.elsewhere"})
    wait_until(lambda: shown(world)["state"] == "failing", lambda: f"the refusal: {shown(world)}", timeout=LONG)
    assert "records of db.elsewhere" in shown(world)["error"] and "REFUSED" in shown(world)["error"].upper()
    assert backends(world) == [] and not shown(world)["held"]


def test_a_name_that_is_gone_is_an_answer_and_held(world):
    start(world, {"dns": "db.test"}, {"db.test": ["127.0.0.1", "127.0.0.2"]}, hold="50%")
    wait_backends(world, ("127.0.0.1",), ("127.0.0.2",))
    world.names.set({"other.test": ["127.0.0.1"]})
    wait_until(lambda: shown(world)["held"], lambda: f"the removal to be held: {shown(world)}", timeout=LONG)
    assert echo.who(world, ADDRESS, 7) in ("one", "two")
    wait_backends(world)
    with pytest.raises(ConnectionRefusedError):
        echo.who(world, ADDRESS, 7)
    world.names.set({"db.test": ["127.0.0.2"]})
    wait_backends(world, ("127.0.0.2",))


def test_a_name_that_comes_back_in_time_was_never_gone(world):
    start(world, {"dns": "db.test"}, {"db.test": ["127.0.0.1"]}, hold="1%", hold_time="1m")
    wait_backends(world, ("127.0.0.1",))
    world.names.set()
    wait_until(lambda: shown(world)["held"], lambda: f"the removal to be held: {shown(world)}", timeout=LONG)
    world.names.set({"db.test": ["127.0.0.1"]})
    wait_until(lambda: shown(world)["figures"]["held_withdrawn"] > 0, lambda: f"it to be taken back: {shown(world)}", timeout=LONG)
    assert echo.who(world, ADDRESS, 7) == "one"


def test_an_answer_is_believed_no_longer_than_is_set(world):
    start(world, {"dns": "db.test"}, {"db.test": ["127.0.0.1"]}, ttl=3600, most_ttl="500ms", least_ttl="100ms")
    wait_backends(world, ("127.0.0.1",))
    world.names.set({"db.test": ["127.0.0.2"]})
    wait_backends(world, ("127.0.0.2",))


def test_an_answer_is_believed_as_long_as_is_set_or_until_somebody_asks(world):
    start(world, {"dns": "db.test"}, {"db.test": ["127.0.0.1"]}, ttl=0, least_ttl="1h", most_ttl="2h")
    wait_backends(world, ("127.0.0.1",))
    world.names.set({"db.test": ["127.0.0.2"]})
    asked = world.names.asked("db.test")
    assert asked == 2  # for both families
    world.running.meshctl("registry", "sync", "dns")
    wait_backends(world, ("127.0.0.2",))
    assert world.names.asked("db.test") == 4


def test_srv_records_have_ports_weights_and_priorities(world):
    hosts = {"one.test": ["127.0.0.1"], "two.test": ["127.0.0.2", "::1"]}
    world.more = world.keep(echo.TcpEcho("more", "127.0.0.1"))
    start(world, {"srv": "_db._tcp.test"}, hosts, {"_db._tcp.test": [("one.test", world.more.port, 10, 5), ("two.test", 81, 10, 0),
                                                                    ("two.test", 82, 20, 1)]})
    wait_backends(world, ("127.0.0.1", world.more.port, 5), ("127.0.0.2", 81, 1), ("::1", 81, 1))
    # Those of the lowest priority are gone: the others' turn.
    world.names.set(hosts, {"_db._tcp.test": [("one.test", world.more.port, 20, 60000), ("two.test", 82, 20, 30000)]})
    wait_backends(world, ("127.0.0.1", world.more.port, 1000), ("127.0.0.2", 82, 500), ("::1", 82, 500))
    world.names.set(hosts, {"_db._tcp.test": [("one.test", world.more.port, 0, 0)]})
    wait_backends(world, ("127.0.0.1", world.more.port, 1))
    assert echo.who(world, ADDRESS, 7) == "more"


def test_the_hosts_of_srv_records_are_followed_too(world):
    records = {"_db._tcp.test": [("one.test", 81, 1, 1)]}
    start(world, {"srv": "_db._tcp.test"}, {"one.test": ["127.0.0.1"]}, records)
    wait_backends(world, ("127.0.0.1", 81))
    world.names.set({"one.test": ["127.0.0.3"]}, records)
    wait_backends(world, ("127.0.0.3", 81))


def test_an_answer_that_needs_tcp_is_whole(world):
    addresses = [f"127.0.1.{number}" for number in range(1, 101)]
    start(world, {"dns": "db.test"}, {"db.test": addresses})
    wait_backends(world, *((address,) for address in addresses))
