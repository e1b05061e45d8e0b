# SPDX-License-Identifier: Apache-2.0
"""Services that a real Consul knows: what changes there reaches connections, and whatever happens to Consul breaks none."""

import json

import pytest

from harness import consul, echo
from harness.consul import Consul
from harness.process import wait_until
from harness.probed import Authority
from harness.registry import backend, document, service
from harness.steady import Steady
from harness.stub_http import StubHttp

pytestmark = consul.needed

LONG = 40  # s: Consul needs seconds to find a leader again, and is tried at growing intervals
WEB = ("10.96.60.1", 7)
POLICY = 'service_prefix "" { policy = "read" } node_prefix "" { policy = "read" } key_prefix "meshd/" { policy = "read" }'


def settings(world, url, hold="100%", time="5s", **keys):
    path = world.place.root / "meshd.yaml"
    # JSON is YAML.
    path.write_text(json.dumps({"registry": {"consul": {"url": url, **keys}, "hold": {"share": hold, "time": time}}}))
    return path


def start(world, certificate=None, key=None, acl=False, **keys):
    """Consul and an agent that follows it, with two backends `a` and `b` to lead to."""
    world.consul = world.keep(Consul(world.place.root / "consul", acl, certificate, key))
    world.a, world.b = world.tcp_echo("a"), world.tcp_echo("b")
    world.running = world.agent("--config", settings(world, world.consul.url, **keys))
    return world


def from_consul(name="web", address=WEB, **query):
    return {"name": name, "address": address[0], "port": address[1], "backends_from": {"consul": name, **query}}


def write_from_consul(world, *services):
    world.registry.replace(json.dumps({"services": list(services)}))


def backends(world, name="web"):
    """Port to state; nothing of a service that is not there."""
    view = world.running.services().get(name)
    return {one["port"]: one["state"] for port in view["ports"] for one in port["backends"]} if view else None


def wait_backends(world, expected, name="web", timeout=10):
    wait_until(lambda: backends(world, name) == expected,
               lambda: f"backends {expected} of {name}: {backends(world, name)}, {shown(world)}", timeout)


def who(world, address=WEB):
    return echo.who(world, *address)


def shown(world, name="consul"):
    def find():
        return next((item for item in world.running.api.get("/v1/registries")["registries"] if item["name"] == name), None)
    return wait_until(find, "the worker to tell of its registries")


def wait_state(world, state, timeout=LONG):
    wait_until(lambda: shown(world)["state"] == state, lambda: f"it to be {state}: {shown(world)}", timeout)


def test_backends_follow_registration_health_and_maintenance(world):
    start(world)
    write_from_consul(world, from_consul())
    world.consul.register("web", world.a)
    wait_backends(world, {world.a.port: "ready"})
    assert who(world) == "a"
    world.consul.register("web", world.b, 2)
    wait_backends(world, {world.a.port: "ready", world.b.port: "ready"})
    world.consul.check("web", "fail")
    wait_backends(world, {world.a.port: "unhealthy", world.b.port: "ready"})
    assert {who(world) for _ in range(20)} == {"b"}
    world.consul.check("web", "pass")
    world.consul.maintenance("web", True, 2)
    wait_backends(world, {world.a.port: "ready", world.b.port: "maint"})
    assert {who(world) for _ in range(20)} == {"a"}
    world.consul.maintenance("web", False, 2)
    wait_backends(world, {world.a.port: "ready", world.b.port: "ready"})
    world.consul.deregister("web")
    wait_backends(world, {world.b.port: "ready"})
    assert {who(world) for _ in range(20)} == {"b"}


def test_tags_choose_instances_and_a_warning_changes_their_weight(world):
    start(world)
    world.consul.register("web", world.a, 1, Tags=["v1"], Weights={"Passing": 10, "Warning": 2})
    world.consul.register("web", world.b, 2, Tags=["v2", "canary"])
    api = from_consul("api", ("10.96.60.2", 7)) | {"backends_from": {"consul": "web", "tags": ["canary", "v2"]}}
    write_from_consul(world, from_consul(tags=["v1"]), api)
    wait_backends(world, {world.a.port: "ready"})
    wait_backends(world, {world.b.port: "ready"}, "api")
    assert who(world) == "a" and who(world, ("10.96.60.2", 7)) == "b"

    def weight():
        return world.running.services()["web"]["ports"][0]["backends"][0]["weight"]
    assert weight() == 10
    world.consul.check("web", "warn")
    wait_until(lambda: weight() == 2, lambda: f"the weight of a warning: {weight()}")


def test_services_with_an_address_are_found_without_a_file(world):
    start(world)
    world.consul.register("web", world.a, virtual=WEB)
    world.consul.register("plain", world.a)
    wait_backends(world, {world.a.port: "ready"})
    assert who(world) == "a"
    world.consul.register("web", world.b, 2, virtual=WEB)
    wait_backends(world, {world.a.port: "ready", world.b.port: "ready"})
    world.consul.deregister("web")
    world.consul.deregister("web", 2)
    wait_until(lambda: world.running.services() == {}, lambda: f"it to go: {world.running.services()}")


def test_registry_files_in_keys(world):
    start(world, keys=consul.PREFIX)
    one = service("line1", "10.96.61.1", 7, [backend("127.0.0.1", world.a.port)])
    two = service("line2", "10.96.61.2", 7, [backend("127.0.0.1", world.b.port)])
    world.consul.put("one", document([one]))
    world.running.wait_applied(one)
    world.consul.put("two", document([two]))
    world.consul.put("one", "services:\n  - {name: line1, address: 10.96.0.300}\n")
    world.running.wait_applied(one, two)
    [refused] = wait_until(lambda: shown(world)["refused"], "the value to be refused")
    assert refused["object"] == "meshd/one" and "consul:consul/meshd/one:2:" in refused["error"], refused
    assert who(world, ("10.96.61.1", 7)) == "a"
    world.consul.delete("one")
    world.running.wait_applied(two)
    wait_until(lambda: not shown(world)["refused"], lambda: f"nothing to be refused: {shown(world)}")


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_a_consul_that_goes_takes_nothing_and_what_changed_meanwhile_is_found(world, way):
    start(world, hold="50%")
    world.consul.register("web", world.a, virtual=WEB)
    wait_backends(world, {world.a.port: "ready"})
    traffic = world.keep(Steady(world, *WEB))
    getattr(world.consul, way)()
    wait_until(lambda: shown(world)["state"] != "ok" and shown(world)["figures"]["failures"]["unreachable"] > 0,
               lambda: f"it to be missed: {shown(world)}", timeout=LONG)
    world.consul.start()
    world.consul.register("web", world.b, 2, virtual=WEB)
    wait_backends(world, {world.a.port: "ready", world.b.port: "ready"}, timeout=LONG)
    wait_state(world, "ok")
    assert not traffic.failures()


def test_a_consul_that_has_lost_everything_is_not_believed_at_once_and_then_followed(world):
    start(world, hold="50%", time="60s")
    for number in range(3):  # the index of the old one is far ahead of the new one's
        world.consul.register("web", world.a, virtual=WEB)
        world.consul.check("web", "warn" if number % 2 else "pass")
    wait_backends(world, {world.a.port: "ready"})
    traffic = world.keep(Steady(world, *WEB))
    world.consul.kill()
    world.consul.forget()
    world.consul.start()
    wait_until(lambda: shown(world)["held"], lambda: f"the removal to be held: {shown(world)}", timeout=LONG)
    world.consul.register("web", world.a, virtual=WEB)
    wait_until(lambda: not shown(world)["held"], lambda: f"it to be withdrawn: {shown(world)}")
    world.consul.register("web", world.b, 2, virtual=WEB)
    wait_backends(world, {world.a.port: "ready", world.b.port: "ready"})
    assert not traffic.failures()


def test_an_empty_answer_is_held_until_it_was_said_again(world):
    start(world, hold="50%", time="1s")
    world.consul.register("web", world.a)
    write_from_consul(world, from_consul())
    wait_backends(world, {world.a.port: "ready"})
    world.consul.deregister("web")
    wait_until(lambda: shown(world)["figures"]["held"] == 1, lambda: f"it to be held: {shown(world)}")
    wait_backends(world, {}, timeout=20)
    wait_until(lambda: shown(world)["figures"]["held_taken"] == 1, lambda: f"it to be counted: {shown(world)}")


def test_a_token_that_is_lost_takes_nothing_and_is_told(world):
    token = world.place.root / "token"
    start(world, acl=True, token_file=str(token), keys=consul.PREFIX)
    wait_until(lambda: str(token) in shown(world)["error"], lambda: f"the missing file to be told: {shown(world)}")
    token.write_text("7d0c8f8e-0000-0000-0000-000000000000\n")
    token.chmod(0o644)
    wait_until(lambda: "ACL not found" in shown(world)["error"], lambda: f"the wrong token to be told: {shown(world)}", timeout=LONG)
    assert "put a valid token into" in shown(world)["error"]
    accessor, secret = world.consul.token(POLICY)
    world.consul.register("web", world.a, virtual=WEB)
    token.write_text(secret)
    wait_backends(world, {world.a.port: "ready"}, timeout=LONG)
    wait_state(world, "ok")
    traffic = world.keep(Steady(world, *WEB))
    world.consul.drop_token(accessor)
    world.consul.register("web", world.b, 2, virtual=WEB)
    wait_until(lambda: "ACL not found" in shown(world)["error"], lambda: f"the loss to be told: {shown(world)}", timeout=LONG)
    assert shown(world)["figures"]["failures"]["denied"] > 0
    assert backends(world) == {world.a.port: "ready"}
    token.write_text(world.consul.token(POLICY)[1])
    wait_backends(world, {world.a.port: "ready", world.b.port: "ready"}, timeout=LONG)
    assert not traffic.failures()


def test_a_token_without_rights_is_not_believed_at_once(world):
    token = world.place.root / "token"
    token.write_text(consul.MASTER)
    token.chmod(0o644)
    start(world, acl=True, token_file=str(token), hold="50%", time="60s")
    world.consul.register("web", world.a, virtual=WEB)
    wait_backends(world, {world.a.port: "ready"})
    token.write_text(world.consul.token('node_prefix "" { policy = "read" }')[1])
    world.running.meshctl("registry", "sync", "consul", check=False)
    wait_until(lambda: shown(world)["held"], lambda: f"the empty answer to be held: {shown(world)}")
    assert who(world) == "a"
    token.write_text(consul.MASTER)
    world.running.meshctl("registry", "sync", "consul", check=False)
    wait_until(lambda: not shown(world)["held"], lambda: f"it to be withdrawn: {shown(world)}")


@pytest.mark.parametrize("names, extra, is_trusted", [("IP:127.0.0.1", {}, True), ("DNS:elsewhere.test", {}, False),
                                                      ("DNS:elsewhere.test", {"server_name": "elsewhere.test"}, True)])
def test_a_certificate_has_to_have_the_name_that_is_expected(world, names, extra, is_trusted):
    authority = Authority(world.place.root / "authority")
    certificate, key = authority.issue("consul", names)
    start(world, certificate, key)
    world.consul.register("web", world.a, virtual=WEB)
    wait_backends(world, {world.a.port: "ready"})
    running = world.running
    running.stop()
    running.unload()
    settings(world, f"https://127.0.0.1:{world.consul.tls_port}", ca=str(authority.certificate), **extra)
    running.start()
    if is_trusted:
        wait_state(world, "ok")
        world.consul.register("web", world.b, 2, virtual=WEB)
        wait_backends(world, {world.a.port: "ready", world.b.port: "ready"})
        return
    wait_until(lambda: shown(world)["figures"]["failures"]["untrusted"] > 0, lambda: f"the refusal: {shown(world)}")
    assert "\"ca\" in its settings" in shown(world)["error"]


def test_half_an_answer_is_none(world):
    """A server that sends half a JSON object and closes, then one that sends it as if it were whole."""
    stub = world.keep(StubHttp())
    target = world.tcp_echo("a")
    instance = {"Node": {"Node": "n", "Address": "127.0.0.1"}, "Checks": [],
                "Service": {"ID": "w", "Address": "127.0.0.1", "Port": target.port}}
    whole = json.dumps([instance])
    stub.headers = {"X-Consul-Index": "5"}
    stub.answers["/v1/health/service/web"] = whole
    world.running = world.agent("--config", settings(world, stub.url, discover=False))
    write_from_consul(world, from_consul())
    wait_backends(world, {target.port: "ready"})
    for length, kind in ((len(whole), "unreachable"), (len(whole) // 2, "malformed")):
        stub.answers["/v1/health/service/web"] = (whole[:len(whole) // 2], length)
        before = shown(world)["figures"]["failures"][kind]
        world.running.meshctl("registry", "sync", "consul", check=False)
        wait_until(lambda kind=kind, before=before: shown(world)["figures"]["failures"][kind] > before,
                   lambda: f"the half to be refused: {shown(world)}", timeout=LONG)
        assert backends(world) == {target.port: "ready"}
        stub.answers["/v1/health/service/web"] = whole
        wait_state(world, "ok")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_more_services_than_consul_lets_one_client_wait_for(world, scheme):
    """With http they take turns, with https they share connections."""
    authority = Authority(world.place.root / "authority")
    world.consul = world.keep(Consul(world.place.root / "consul", False, *authority.issue("consul", "IP:127.0.0.1"),
                                     limits={"http_max_conns_per_client": 130}))
    world.a, world.b = world.tcp_echo("a"), world.tcp_echo("b")
    tls = {"url": f"https://127.0.0.1:{world.consul.tls_port}", "ca": str(authority.certificate)}
    world.running = world.agent("--config", settings(world, **(tls if scheme == "https" else {"url": world.consul.url})))
    world.consul.register("web", world.a, virtual=WEB)
    wait_backends(world, {world.a.port: "ready"})
    world.consul.register_many(500, world.b)
    wait_until(lambda: len(world.running.services()) == 501,
               lambda: f"all to be there: {len(world.running.services())}, {shown(world)}", timeout=60)
    assert who(world, ("10.97.1.250", 7)) == "b"
    # One whose health changes does not wait for its turn.
    world.consul.check("web", "fail")
    wait_backends(world, {world.a.port: "unhealthy"}, timeout=LONG)
    world.consul.check("web", "pass")
    wait_backends(world, {world.a.port: "ready"}, timeout=LONG)
    assert not any(shown(world)["figures"]["failures"].values()), shown(world)
