# SPDX-License-Identifier: Apache-2.0
"""A backend that its registry calls unhealthy stands as if probes failed, below what a person says."""

import errno
import json

import pytest

from harness import consul, drain, echo
from harness.consul import Consul
from harness.process import wait_until

pytestmark = consul.needed

WEB = ("10.96.64.1", 7)
SAYS = "its registry says so"


@pytest.fixture
def web(world):
    """A service with the instances `a` and `b` of a real Consul."""
    world.consul = world.keep(Consul(world.place.root / "consul"))
    world.a, world.b = world.tcp_echo("a"), world.tcp_echo("b")
    for number, server in enumerate((world.a, world.b), 1):
        world.consul.register("web", server, number)
    settings = world.place.root / "meshd.yaml"
    settings.write_text(json.dumps({"registry": {"consul": {"url": world.consul.url}}}))
    world.running = world.agent("--config", settings)
    return world


def serve(world, **keys):
    entry = {"name": "web", "address": WEB[0], "port": WEB[1], "backends_from": {"consul": "web"}, **keys}
    world.registry.replace(json.dumps({"services": [entry]}))


def serve_ready(world, **keys):
    serve(world, **keys)
    wait_states(world, ("ready", ""), ("ready", ""))


def standing(world):
    rows = {row["backend_port"]: (row["state"], row["reason"]) for row in world.running.meshctl_json("backend", "list")["backends"]}
    return [rows.get(server.port) for server in (world.a, world.b)]


def wait_states(world, *wanted):
    wait_until(lambda: standing(world) == list(wanted), lambda: f"{wanted}, is {standing(world)}", timeout=30)


def say(world, word):
    world.running.meshctl("backend", word, f"web/{drain.address_of(world.a)}")


def test_explain_and_events_tell_that_the_registry_says_so(web):
    serve_ready(web)
    web.consul.check("web", "fail")
    wait_states(web, ("unhealthy", SAYS), ("ready", ""))
    assert {echo.who(web, *WEB) for _ in range(20)} == {"b"}
    candidates = web.running.meshctl_json("explain", f"{WEB[0]}:{WEB[1]}")["candidates"]
    assert [row["why"] for row in candidates if row["port"] == web.a.port] == [f"state is unhealthy: {SAYS}"]
    web.consul.check("web", "pass")
    wait_states(web, ("ready", ""), ("ready", ""))
    causes = [event["cause"] for event in web.running.meshctl_json("event", "list", "--service", "web")["events"]]
    assert causes == [SAYS, "its registry calls it healthy"]


def test_a_persons_word_hides_it_and_does_not_make_it_ready(web):
    serve_ready(web)
    web.consul.check("web", "fail")
    wait_states(web, ("unhealthy", SAYS), ("ready", ""))
    for word in "drain", "maint":
        say(web, word)
        assert standing(web)[0] == (word, "set by hand")
    say(web, "ready")
    assert standing(web)[0] == ("unhealthy", SAYS)
    say(web, "reset")
    web.consul.maintenance("web", True)
    wait_states(web, ("maint", "the registry says so"), ("ready", ""))


def test_too_many_of_them_are_used_all_the_same(web):
    serve_ready(web, health={"panic": "60%"})
    web.consul.check("web", "fail")
    wait_states(web, ("unhealthy", SAYS), ("ready", ""))
    assert {echo.who(web, *WEB) for _ in range(40)} == {"a", "b"}
    serve(web, health={"panic": "50%"})
    wait_until(lambda: {echo.who(web, *WEB) for _ in range(20)} == {"b"}, "only the healthy one to be used")


@pytest.mark.parametrize("unhealthy", ["keep", "close"])
def test_its_connections_live_or_end_as_the_service_says(web, unhealthy):
    serve_ready(web, drain={"unhealthy": unhealthy})
    open_ones = {}
    while set(open_ones) != {"a", "b"}:
        connection = echo.connect(web, *WEB)
        open_ones.setdefault(echo.read_line(connection), connection)
    web.consul.check("web", "fail")
    wait_states(web, ("unhealthy", SAYS), ("ready", ""))
    if unhealthy == "close":
        assert drain.end_of(lambda: drain.talks(open_ones["a"]))[0] in (errno.ECONNABORTED, errno.ECONNRESET, errno.EPIPE)
    else:
        assert drain.talks(open_ones["a"])
    assert drain.talks(open_ones["b"])
    for connection in open_ones.values():
        connection.close()
