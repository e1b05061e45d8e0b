# SPDX-License-Identifier: Apache-2.0
"""Services of this host that a real Consul is told of: there while they are well, gone when they stop, drain or leave."""

import json
import os
import signal
import threading

import pytest

from harness import consul, echo
from harness.api import ApiError
from harness.consul import MASTER, Consul
from harness.process import freeze, wait_until
from harness.world import World

pytestmark = consul.needed

LONG = 60  # s: a server that was away is tried again at growing intervals
WEB = ("10.96.70.1", 7)
PROBE = {"type": "tcp", "interval": "500ms", "healthy": 1, "unhealthy": 2}


def announcement(target, name="web", **keys):
    return {"name": name, "address": "127.0.0.1", "port": target.port, "probe": PROBE,
            "virtual": {"address": WEB[0], "port": WEB[1]}, **keys}


def write(world, *announcements, **consul_keys):
    path = world.place.root / "meshd.yaml"
    # JSON is YAML. It is replaced at once, since it is followed.
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps({"registry": {"consul": {"url": world.consul.url, **consul_keys}, "hold": {"share": "100%"}},
                                  "node": {"locality": "eu/a"}, "announce": list(announcements)}))
    beside.rename(path)
    return path


def start(world, *announcements, acl=False, **consul_keys):
    world.consul = world.keep(Consul(world.place.root / "consul", acl))
    world.running = world.agent("--config", write(world, *announcements, **consul_keys))
    return world


def rows(world):
    return world.running.api.get("/v1/announcements")["announcements"]


def wait_state(world, state, name="web", timeout=LONG):
    wait_until(lambda: [row["state"] for row in rows(world) if row["name"] == name] == [state],
               lambda: f"{name} to be {state}: {rows(world)}\n{world.running.output()[-4000:]}", timeout)


def in_consul(world, name="web"):
    """Instances by port: what of their checks is not passing."""
    return {one["Service"]["Port"]: sorted(check["CheckID"].split(":")[0] + " " + check["Status"] for check in one["Checks"]
                                           if check["Status"] != "passing")
            for one in world.consul.call("GET", f"health/service/{name}")}


def wait_consul(world, expected, name="web", timeout=LONG):
    wait_until(lambda: in_consul(world, name) == expected, lambda: f"{expected} in Consul: {in_consul(world, name)}, {rows(world)}",
               timeout)


def backends(world, name="web"):
    view = world.running.services().get(name)
    return {one["port"]: one["state"] for port in view["ports"] for one in port["backends"]} if view else None


def wait_backends(world, expected, name="web"):
    wait_until(lambda: backends(world, name) == expected, lambda: f"{expected}: {backends(world, name)}, {rows(world)}", LONG)


class Watched:
    """Every answer of Consul about the service from now on: `gaps` are those in which it was not there and passing."""

    def __init__(self, world, port):
        self.world, self.port = world, port
        self.gaps, self.looks = [], 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self):
        while not self._stopped.wait(0.05):
            found = in_consul(self.world)
            self.looks += 1
            if found != {self.port: []}:
                self.gaps.append(found)

    def close(self):
        self._stopped.set()
        self._thread.join()


def test_another_node_finds_it_and_traffic_reaches_it(world):
    target = world.tcp_echo("a")
    start(world, announcement(target, labels={"version": "v2"}, tags=["canary"], weight=7))
    other = world.keep(World())
    other.consul = world.consul
    other.running = other.agent("--config", write(other))
    wait_backends(other, {target.port: "ready"})
    assert echo.who(other, *WEB) == "a"
    [one] = other.running.service("web")["ports"][0]["backends"]
    assert one["weight"] == 7 and one["locality"] == "eu/a/node1", one
    assert one["labels"]["version"] == "v2" and one["labels"]["tag/canary"] == "set", one
    wait_state(world, "announced")
    shown = world.running.meshctl("announcement", "list")
    assert "announced" in shown.stdout and "1 of 1 announcement in order" in shown.stdout, shown.stdout
    metrics = world.running.metrics()
    assert 'meshd_announcements{registry="consul",state="announced"} 1' in metrics


def test_it_is_withdrawn_while_its_server_is_stopped(world):
    target = world.tcp_echo("a")
    port = target.port
    start(world, announcement(target))
    wait_consul(world, {port: []})
    target.close()
    wait_state(world, "failing")
    wait_consul(world, {port: ["meshd/web/127.0.0.1 critical"]})
    [row] = rows(world)
    assert row["probe"].startswith("refused"), row
    world.keep(echo.TcpEcho("a", port=port))
    wait_consul(world, {port: []})
    wait_state(world, "announced")


def test_nothing_is_announced_before_its_probe_has_passed(world):
    target = world.tcp_echo("a")
    port = target.port
    target.close()
    start(world, announcement(target))
    wait_state(world, "failing")
    assert in_consul(world) == {}
    world.keep(echo.TcpEcho("a", port=port))
    wait_consul(world, {port: []})


def test_a_person_drains_it_and_the_word_outlives_the_agent(world):
    target = world.tcp_echo("a")
    start(world, announcement(target))
    wait_backends(world, {target.port: "ready"})
    connection = echo.tcp_socket(world)
    connection.connect(WEB)
    assert connection.recv(2) == b"a\n"
    world.running.meshctl("announcement", "drain", "web")
    wait_backends(world, {target.port: "drain"})
    wait_state(world, "drained")
    connection.sendall(b"still there")
    assert connection.recv(64) == b"still there"
    connection.close()
    world.running.stop()
    assert in_consul(world) == {}
    world.running.start()
    wait_state(world, "drained")
    wait_consul(world, {target.port: ["_service_maintenance critical"]})
    world.running.meshctl("announcement", "ready", "web")
    wait_backends(world, {target.port: "ready"})
    wait_state(world, "announced")
    with pytest.raises(ApiError, match="no service .*nowhere.* is announced"):
        world.running.api.post("/v1/announcements/drain", {"name": "nowhere"})


def test_an_agent_that_ends_in_order_leaves_at_once(world):
    target = world.tcp_echo("a")
    start(world, announcement(target, ttl="1h"))
    wait_consul(world, {target.port: []})
    world.running.stop()
    assert in_consul(world) == {}


def test_an_agent_that_was_killed_is_missed_after_the_time_to_live(world):
    target = world.tcp_echo("a")
    start(world, announcement(target, ttl="5s"))
    wait_consul(world, {target.port: []})
    worker = world.running.worker_pid()
    freeze(worker)  # it hears nothing of the end of the agent
    world.running.kill()
    os.kill(worker, signal.SIGKILL)
    assert in_consul(world) == {target.port: []}
    wait_until(lambda: in_consul(world) == {target.port: ["meshd/web/127.0.0.1 critical"]},
               lambda: f"it to be critical: {in_consul(world)}", LONG)


def test_an_agent_that_dies_alone_takes_nothing_along(world):
    target = world.tcp_echo("a")
    start(world, announcement(target, ttl="60s"))
    wait_consul(world, {target.port: []})
    watched = world.keep(Watched(world, target.port))
    world.running.kill()
    wait_until(lambda: not world.running.own_processes(), "the worker to end")
    world.running.start()
    wait_state(world, "announced")
    seen = watched.looks
    wait_until(lambda: watched.looks > seen + 10, "some more answers")
    assert watched.gaps == []


def test_a_worker_that_dies_leaves_no_gap(world):
    target = world.tcp_echo("a")
    start(world, announcement(target, ttl="30s"))
    wait_consul(world, {target.port: []})
    wait_state(world, "announced")
    watched = world.keep(Watched(world, target.port))
    for _ in range(3):
        before = world.running.worker_pid()
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: world.running.worker_pid() not in (0, before), "another worker", LONG)  # noqa: B023
        wait_state(world, "announced")
    seen = watched.looks
    wait_until(lambda: watched.looks > seen + 20, "some more answers", LONG)
    assert watched.gaps == []


def test_a_consul_that_has_forgotten_it_is_told_again(world):
    target = world.tcp_echo("a")
    start(world, announcement(target, ttl="5s"))
    wait_consul(world, {target.port: []})
    world.consul.kill()
    world.consul.forget()
    world.consul.start()
    wait_consul(world, {target.port: []})
    wait_state(world, "announced")
    # Somebody else's word is corrected, too.
    world.consul.call("PUT", f"agent/service/deregister/meshd%2Fweb%2F127.0.0.1:{target.port}")
    wait_consul(world, {target.port: []})


def test_changes_of_the_configuration(world):
    target, other = world.tcp_echo("a"), world.tcp_echo("b")
    start(world, announcement(target), announcement(other, "api", virtual={"address": "10.96.70.2", "port": 7}))
    wait_consul(world, {target.port: []})
    wait_consul(world, {other.port: []}, "api")
    watched = world.keep(Watched(world, target.port))
    index = world.consul.call("GET", f"agent/service/meshd%2Fweb%2F127.0.0.1:{target.port}")["ContentHash"]
    write(world, announcement(target))
    wait_consul(world, {}, "api")
    write(world, announcement(target, weight=9))
    wait_until(lambda: world.consul.call("GET", "health/service/web")[0]["Service"]["Weights"]["Passing"] == 9, "the weight", LONG)
    assert world.consul.call("GET", f"agent/service/meshd%2Fweb%2F127.0.0.1:{target.port}")["ContentHash"] != index
    watched.close()
    assert watched.gaps == []
    write(world)
    wait_consul(world, {})
    assert rows(world) == []


def test_a_token_that_may_not_is_told_and_replaced(world):
    target = world.tcp_echo("a")
    token = world.place.root / "token"
    token.write_text("")
    token.chmod(0o644)
    start(world, announcement(target), acl=True, token_file=str(token))
    wait_state(world, "error")
    token.write_text(world.consul.token('service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }')[1])
    wait_until(lambda: "status 403" in rows(world)[0]["error"], lambda: f"it to be refused: {rows(world)}", LONG)
    listed = world.running.meshctl("announcement", "list", check=False)
    assert listed.returncode == 4 and "error" in listed.stdout and "status 403" in listed.stdout, listed.stdout
    token.write_text(world.consul.token('service "web" { policy = "write" } service_prefix "" { policy = "read" } '
                                        'node_prefix "" { policy = "read" }')[1])
    wait_consul(world, {target.port: []})
    wait_backends(world, {target.port: "ready"})
    assert MASTER not in world.running.output()
