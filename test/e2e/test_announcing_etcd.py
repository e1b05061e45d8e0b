# SPDX-License-Identifier: Apache-2.0
"""Services of this host that a real etcd is told of, and backends that others take from there."""

import json
import os
import signal
import threading

from harness import echo
from harness.etcd import PREFIX, Etcd, encode
from harness.process import freeze, wait_until
from harness.world import World

LONG = 60  # s: a server that was away is tried again at growing intervals
WEB = ("10.96.71.1", 7)
PROBE = {"type": "tcp", "interval": "500ms", "healthy": 1, "unhealthy": 2}


def announcement(target, name="web", **keys):
    return {"name": name, "address": "127.0.0.1", "port": target.port, "probe": PROBE, **keys}


def write(world, *announcements, **etcd_keys):
    path = world.place.root / "meshd.yaml"
    # JSON is YAML. It is replaced at once, since it is followed.
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps({"registry": {"etcd": {"endpoints": [world.etcd.url], **etcd_keys}, "hold": {"share": "100%"}},
                                  "node": {"locality": "eu/a/n1"}, "announce": list(announcements)}))
    beside.rename(path)
    return path


def start(world, *announcements, **etcd_keys):
    """An agent that announces, and takes the backends of `web` from what is announced."""
    world.etcd = world.keep(Etcd(world.place.root / "etcd"))
    follow(world)
    world.running = world.agent("--config", write(world, *announcements, **etcd_keys))
    return world


def follow(world):
    world.registry.replace(json.dumps({"services": [{"name": "web", "address": WEB[0], "port": WEB[1],
                                                     "backends_from": {"etcd": "web"}}]}))


def rows(world):
    return world.running.api.get("/v1/announcements")["announcements"]


def wait_state(world, state):
    wait_until(lambda: [row["state"] for row in rows(world)] == [state],
               lambda: f"it to be {state}: {rows(world)}\n{world.running.output()[-4000:]}", LONG)


def announced(world):
    """Values by key of what is announced."""
    return {key: json.loads(value) for key, value in world.etcd.contents().items() if key.startswith("announced/")}


def key_of(target, name="web"):
    return f"announced/{name}/127.0.0.1:{target.port}"


def wait_announced(world, *targets):
    wait_until(lambda: set(announced(world)) == {key_of(target) for target in targets},
               lambda: f"other keys than {announced(world)}; {rows(world)}", LONG)


def backends(world):
    view = world.running.services().get("web")
    return {one["port"]: one["state"] for port in view["ports"] for one in port["backends"]} if view else None


def wait_backends(world, expected):
    wait_until(lambda: backends(world) == expected, lambda: f"{expected}: {backends(world)}, {announced(world)}", LONG)


class Watched:
    """Looks for the key again and again: how often it was not there."""

    def __init__(self, world, key):
        self.world, self.key = world, key
        self.gaps = self.looks = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self):
        while not self._stopped.wait(0.05):
            there = self.key in self.world.etcd.contents()
            self.looks += 1
            self.gaps += not there

    def close(self):
        self._stopped.set()
        self._thread.join()


def test_another_node_takes_it_as_a_backend_and_traffic_reaches_it(world):
    target = world.tcp_echo("a")
    start(world, announcement(target, labels={"version": "v2"}, weight=7))
    other = world.keep(World())
    other.etcd = world.etcd
    follow(other)
    other.running = other.agent("--config", write(other))
    wait_backends(other, {target.port: "ready"})
    assert echo.who(other, *WEB) == "a"
    [one] = other.running.service("web")["ports"][0]["backends"]
    assert one["weight"] == 7 and one["locality"] == "eu/a/n1" and one["labels"] == {"version": "v2"}, one
    second = world.tcp_echo("b")
    write(world, announcement(target, weight=3), announcement(second))
    wait_backends(other, {target.port: "ready", second.port: "ready"})
    assert announced(world)[key_of(target)] == {"address": "127.0.0.1", "port": target.port, "weight": 3, "state": "ready",
                                                "locality": "eu/a/n1"}
    write(world)
    wait_backends(other, {})


def test_it_is_withdrawn_while_its_server_is_stopped(world):
    target = world.tcp_echo("a")
    port = target.port
    start(world, announcement(target))
    wait_backends(world, {port: "ready"})
    target.close()
    wait_state(world, "failing")
    wait_announced(world)
    wait_backends(world, {})
    world.keep(echo.TcpEcho("a", port=port))
    wait_backends(world, {port: "ready"})
    wait_state(world, "announced")


def test_a_person_drains_it(world):
    target = world.tcp_echo("a")
    start(world, announcement(target))
    wait_backends(world, {target.port: "ready"})
    world.running.meshctl("announcement", "drain", "web")
    wait_backends(world, {target.port: "drain"})
    wait_state(world, "drained")
    world.running.meshctl("announcement", "ready", "web")
    wait_backends(world, {target.port: "ready"})


def test_an_agent_that_ends_in_order_leaves_at_once(world):
    target = world.tcp_echo("a")
    start(world, announcement(target, ttl="1h"))
    wait_announced(world, target)
    world.running.stop()
    assert announced(world) == {}


def test_an_agent_that_was_killed_is_missed_after_the_time_to_live(world):
    target = world.tcp_echo("a")
    start(world, announcement(target, ttl="5s"))
    wait_announced(world, target)
    worker = world.running.worker_pid()
    freeze(worker)  # it hears nothing of the end of the agent
    world.running.kill()
    os.kill(worker, signal.SIGKILL)
    assert set(announced(world)) == {key_of(target)}
    wait_until(lambda: announced(world) == {}, "it to be gone", LONG)


def test_a_worker_that_dies_leaves_no_gap(world):
    target = world.tcp_echo("a")
    start(world, announcement(target, ttl="10s"))
    wait_state(world, "announced")
    watched = world.keep(Watched(world, key_of(target)))
    before = world.running.worker_pid()
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: world.running.worker_pid() not in (0, before), "another worker", LONG)
    # Past the end of the lease that the first worker had.
    seen = watched.looks
    wait_until(lambda: watched.looks > seen + 250, "many more looks", 4 * LONG)
    assert watched.gaps == 0


def test_whatever_takes_it_away_in_etcd_it_comes_back(world):
    target = world.tcp_echo("a")
    start(world, announcement(target, ttl="5s"))
    wait_announced(world, target)
    [item] = world.etcd.call("kv/range", {"key": encode(PREFIX + key_of(target))})["kvs"]
    world.etcd.revoke(item["lease"])
    wait_announced(world, target)
    world.etcd.delete(key_of(target))
    wait_until(lambda: announced(world) == {}, "it to be deleted")
    wait_announced(world, target)
    world.etcd.kill()
    world.etcd.start()
    wait_announced(world, target)
    wait_state(world, "announced")


def test_a_value_that_cannot_be_read_is_refused_alone(world):
    target = world.tcp_echo("a")
    start(world, announcement(target))
    wait_backends(world, {target.port: "ready"})
    world.etcd.call("kv/put", {"key": encode(PREFIX + "announced/web/other"), "value": encode('{"address": "nowhere"}')})

    def refused():
        return [one for item in world.running.api.get("/v1/registries")["registries"] if item["name"] == "etcd" for one in item["refused"]]
    wait_until(lambda: [one["object"] for one in refused()] == ["meshd/announced/web/other"], lambda: f"it to be refused: {refused()}")
    assert "unicast address" in refused()[0]["error"]
    assert backends(world) == {target.port: "ready"}
    world.etcd.delete("announced/web/other")
    wait_until(lambda: not refused(), "it to be forgotten")


def test_a_user_that_may_not_write_is_told(world):
    target = world.tcp_echo("a")
    password = world.place.root / "password"
    password.write_text("word")
    password.chmod(0o644)
    world.etcd = world.keep(Etcd(world.place.root / "etcd"))
    world.etcd.require_users("node", "word")
    follow(world)
    world.running = world.agent("--config", write(world, announcement(target), user="node", password_file=str(password)))
    wait_state(world, "error")
    listed = world.running.meshctl("announcement", "list", check=False)
    assert listed.returncode == 4 and "give user node the right to write the keys" in listed.stdout, listed.stdout
    world.etcd.ctl("--user=root:secret", "role", "grant-permission", "reader", "--prefix=true", "readwrite", PREFIX + "announced/")
    wait_backends(world, {target.port: "ready"})
    wait_state(world, "announced")
