# SPDX-License-Identifier: Apache-2.0
"""Services that stand in a real etcd: what changes there reaches connections, and whatever happens to etcd breaks none."""

import json
import os
import random
import signal

import pytest
import yaml

from harness import echo
from harness.etcd import Etcd
from harness.probed import Authority
from harness.process import freeze, wait_until
from harness.registry import backend, service
from harness.steady import Steady

LONG = 60  # s: a lost server is found after two waits, and tried again at growing intervals


def settings(world, *urls, hold="100%", **keys):
    path = world.place.root / "meshd.yaml"
    # JSON is YAML.
    path.write_text(json.dumps({"registry": {"etcd": {"endpoints": list(urls), **keys}, "hold": {"share": hold}}}))
    return path


def start(world, netns=None, **keys):
    """etcd and an agent that follows it, with two backends `a` and `b` to lead to."""
    world.etcd = world.keep(Etcd(world.place.root / "etcd", netns))
    world.a, world.b = world.tcp_echo("a"), world.tcp_echo("b")
    world.running = world.agent("--config", settings(world, world.etcd.url, **keys))
    return world


def line(number, target, **keys):
    return service(f"line{number}", f"10.96.{40 + number // 200}.{number % 200 + 1}", 7, [backend("127.0.0.1", target.port)], **keys)


def who(world, one):
    return echo.who(world, one["address"], 7)


def shown(world):
    """It is there as soon as the worker has said so."""
    none = {"state": "absent", "error": "", "refused": [], "held": [],
            "figures": {"held_taken": 0, "failures": {"denied": 0, "untrusted": 0}}}
    return next((item for item in world.running.api.get("/v1/registries")["registries"] if item["name"] == "etcd"), none)


def wait_well(world):
    wait_until(lambda: shown(world)["state"] == "ok", lambda: f"it to be well: {shown(world)}", timeout=LONG)


def wait_missed(world):
    wait_until(lambda: shown(world)["state"] == "failing", lambda: f"it to be missed: {shown(world)}", timeout=LONG)


def test_puts_and_deletions_reach_connections(world):
    start(world)
    one, other = line(1, world.a), line(2, world.b)
    world.etcd.put("one", one)
    world.running.wait_applied(one)
    assert who(world, one) == "a"
    world.etcd.put("two", other)
    world.etcd.put("one", line(1, world.b))
    world.running.wait_applied(line(1, world.b), other)
    assert who(world, one) == "b" and who(world, other) == "b"
    world.etcd.delete("one")
    world.running.wait_applied(other)
    with pytest.raises(OSError):
        who(world, one)


def test_what_was_there_before_is_read_at_once(world):
    etcd = world.keep(Etcd(world.place.root / "etcd"))
    target = world.tcp_echo("a")
    # More than a page, and more than two.
    lines = [line(number, target) for number in range(100)]
    etcd.put_all({f"k{number}": one for number, one in enumerate(lines)})
    agent = world.agent("--config", settings(world, etcd.url))
    agent.wait_applied(*lines)
    assert who(world, lines[99]) == "a"


def test_a_key_goes_with_its_lease(world):
    start(world)
    one, other = line(1, world.a), line(2, world.b)
    world.etcd.put("one", one)
    world.etcd.put("two", other, lease=world.etcd.lease(2))
    world.running.wait_applied(one, other)
    world.running.wait_applied(one)
    assert who(world, one) == "a"


def test_a_removal_is_held_until_etcd_has_said_it_again(world):
    start(world, hold="50%")
    one = line(1, world.a)
    world.etcd.put("one", one)
    world.running.wait_applied(one)
    world.etcd.delete("one")
    wait_until(lambda: shown(world)["held"], lambda: f"the removal to be held: {shown(world)}")
    assert who(world, one) == "a"
    world.running.wait_applied(timeout=LONG)
    wait_until(lambda: shown(world)["figures"]["held_taken"] == 1, lambda: f"it to be told: {shown(world)}")


def test_a_bad_value_is_refused_alone_and_by_its_place(world):
    start(world)
    good, later = line(1, world.a), line(2, world.b)
    world.etcd.put("good", good)
    world.running.wait_applied(good)
    world.etcd.put("good", text="services:\n  - {name: line1, address: 10.96.0.300}\n")
    world.etcd.put("later", later)
    world.running.wait_applied(good, later)
    assert who(world, good) == "a"
    [refused] = wait_until(lambda: shown(world)["refused"], "the value to be refused")
    assert refused["object"] == "meshd/good" and "etcd:etcd/meshd/good:2:" in refused["error"], refused
    answer = world.running.meshctl("registry", "show", "etcd", check=False)
    assert answer.returncode == 4 and "10.96.0.300" in answer.stdout, answer.stdout
    world.etcd.put("good", line(1, world.b))
    world.running.wait_applied(line(1, world.b), later)
    wait_until(lambda: not shown(world)["refused"], "it to be accepted")
    assert world.running.meshctl("registry", "show", "etcd").returncode == 0


def test_of_two_keys_with_one_service_the_first_has_it(world):
    start(world)
    first, second = line(1, world.a), line(1, world.b)
    world.etcd.put("b", second)
    world.running.wait_applied(second)
    world.etcd.put("a", first)
    world.running.wait_applied(first)
    [refused] = wait_until(lambda: shown(world)["refused"], "the other to be refused")
    assert refused["object"] == "meshd/b" and "etcd:etcd/meshd/a:2:" in refused["error"], refused
    world.etcd.delete("a")
    world.running.wait_applied(second)
    assert who(world, second) == "b"
    wait_until(lambda: not shown(world)["refused"], "it to be accepted")


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_an_etcd_that_goes_takes_nothing_and_what_changed_meanwhile_is_found(world, way):
    start(world)
    one = line(1, world.a)
    world.etcd.put("one", one)
    world.running.wait_applied(one)
    traffic = world.keep(Steady(world, one["address"], 7))
    wait_well(world)
    getattr(world.etcd, way)()
    wait_missed(world)
    world.etcd.start()
    world.etcd.put("two", line(2, world.b))
    world.running.wait_applied(one, line(2, world.b), timeout=LONG)
    wait_well(world)
    assert not traffic.failures()


def test_a_line_that_is_down_and_a_compaction_meanwhile(world):
    netns = world.netns()
    start(world, netns)
    one, gone = line(1, world.a), line(2, world.a)
    world.etcd.put("one", one)
    world.etcd.put("gone", gone)
    world.running.wait_applied(one, gone)
    traffic = world.keep(Steady(world, one["address"], 7))
    wait_well(world)
    netns.ip("link", "set", "eth0", "down")
    for target in (world.b, world.a, world.b):
        world.etcd.put("three", line(3, target))
    world.etcd.delete("gone")
    world.etcd.compact()
    wait_missed(world)
    assert set(world.running.services()) == {"line1", "line2"}
    netns.ip("link", "set", "eth0", "up")
    world.running.wait_applied(one, line(3, world.b), timeout=LONG)
    assert not traffic.failures()


def test_a_watch_whose_revision_was_compacted_is_begun_anew(world):
    start(world)
    one = line(1, world.a)
    world.etcd.put("one", one)
    world.running.wait_applied(one)
    freeze(world.running.worker_pid())
    stopped = world.running.worker_pid()
    try:
        world.etcd.kill()
        world.etcd.start()
        for target in (world.a, world.b):
            world.etcd.put("one", line(1, target))
        world.etcd.compact()
    finally:
        os.kill(stopped, signal.SIGCONT)
    world.running.wait_applied(line(1, world.b), timeout=LONG)


def test_a_password_is_needed_and_a_wrong_one_is_told(world):
    etcd = world.keep(Etcd(world.place.root / "etcd"))
    target = world.tcp_echo("a")
    one, other = line(1, target), line(2, target)
    etcd.put("one", one)
    etcd.require_users("mesh", "right")
    password = world.place.root / "password"
    password.write_text("wrong\n")
    password.chmod(0o644)
    world.running = world.agent("--config", settings(world, etcd.url, user="mesh", password_file=str(password)))
    wait_until(lambda: "authentication failed" in shown(world)["error"], lambda: f"the refusal: {shown(world)}")
    assert shown(world)["figures"]["failures"]["denied"] > 0
    password.write_text("right\n")
    world.running.wait_applied(one, timeout=LONG)
    # A member that has begun anew knows no token any more.
    etcd.kill()
    etcd.start()
    etcd.token = etcd.call("auth/authenticate", {"name": "root", "password": "secret"})["token"]
    etcd.put("two", other)
    world.running.wait_applied(one, other, timeout=LONG)


def test_an_etcd_that_begins_to_ask_for_users_takes_nothing(world):
    start(world)
    one = line(1, world.a)
    world.etcd.put("one", one)
    world.running.wait_applied(one)
    world.etcd.require_users("mesh", "right")
    wait_until(lambda: "user name is empty" in shown(world)["error"], lambda: f"the refusal: {shown(world)}", timeout=LONG)
    assert "password_file" in shown(world)["error"]
    assert who(world, one) == "a"


@pytest.mark.parametrize("name, is_trusted", [("IP:127.0.0.1", True), ("DNS:elsewhere.test", False)])
def test_a_certificate_has_to_have_the_name_of_the_server(world, name, is_trusted):
    authority = Authority(world.place.root / "authority")
    certificate, key = authority.issue("etcd", name)
    etcd = world.keep(Etcd(world.place.root / "etcd", authority=authority.certificate, certificate=certificate, key=key))
    one = line(1, world.tcp_echo("a"))
    etcd.put("one", one)
    world.running = world.agent("--config", settings(world, etcd.url, ca=str(authority.certificate)))
    if is_trusted:
        world.running.wait_applied(one)
        changed = line(1, world.tcp_echo("b"))
        etcd.put("one", changed)
        world.running.wait_applied(changed)
        return
    wait_until(lambda: shown(world)["figures"]["failures"]["untrusted"] > 0, lambda: f"the refusal: {shown(world)}")
    assert world.running.services() == {}


def test_an_https_etcd_behind_a_line_that_was_down_is_found_again(world):
    netns = world.netns()
    authority = Authority(world.place.root / "authority")
    certificate, key = authority.issue("etcd", f"IP:{netns.address},IP:127.0.0.1")
    etcd = world.keep(Etcd(world.place.root / "etcd", netns, authority=authority.certificate, certificate=certificate, key=key))
    target = world.tcp_echo("a")
    etcd.put("one", line(1, target))
    world.running = world.agent("--config", settings(world, etcd.url, ca=str(authority.certificate)))
    world.running.wait_applied(line(1, target))
    wait_well(world)
    netns.ip("link", "set", "eth0", "down")
    wait_missed(world)
    etcd.put("two", line(2, target))
    netns.ip("link", "set", "eth0", "up")
    world.running.wait_applied(line(1, target), line(2, target), timeout=LONG)


def test_a_connection_that_lost_its_way_is_given_up(world):
    """What a firewall that has forgotten it does: its packets go nowhere, others pass. Over HTTP/2 one connection carries everything."""
    netns = world.netns()
    authority = Authority(world.place.root / "authority")
    certificate, key = authority.issue("etcd", f"IP:{netns.address},IP:127.0.0.1")
    etcd = world.keep(Etcd(world.place.root / "etcd", netns, authority=authority.certificate, certificate=certificate, key=key))
    target = world.tcp_echo("a")
    etcd.put("one", line(1, target))
    world.running = world.agent("--config", settings(world, etcd.url, ca=str(authority.certificate)))
    world.running.wait_applied(line(1, target))
    wait_well(world)
    ports = {row.split()[3].rsplit(":", 1)[1] for row in
             netns.run("ss", "-Htn", "state", "established", f"( sport = :{etcd.port} and dst {netns.host_address} )").stdout.splitlines()}
    assert ports
    netns.run("nft", "add", "table", "inet", "lost")
    for hook, here, there in (("input", "dport", "sport"), ("output", "sport", "dport")):
        netns.run("nft", "add", "chain", "inet", "lost", hook, f"{{ type filter hook {hook} priority 0; }}")
        lost = f"{{ {', '.join(sorted(ports))} }}"
        netns.run("nft", "add", "rule", "inet", "lost", hook, "tcp", here, str(etcd.port), "tcp", there, lost, "drop")
    etcd.put("two", line(2, target))
    world.running.wait_applied(line(1, target), line(2, target), timeout=LONG)


def test_a_flood_of_changes_ends_where_etcd_ends(world):
    start(world)
    watched = line(0, world.a)
    world.etcd.put("still", watched)
    world.running.wait_applied(watched)
    traffic = world.keep(Steady(world, watched["address"], 7))
    for round_number in range(20):
        target = (world.a, world.b)[round_number % 2]
        world.etcd.put_all({f"k{number}": line(number, target) for number in range(1, 101)})
    world.running.wait_applied(watched, *(line(number, world.b) for number in range(1, 101)), timeout=LONG)
    assert who(world, line(100, world.b)) == "b"
    assert not traffic.failures()


class Play:
    """A random sequence of changes and losses."""

    def __init__(self, world, seed):
        self.world, self.random, self.leases = world, random.Random(seed), []

    def step(self):
        self.random.choices([self.put, self.delete, self.put_leased, self.revoke, self.compact, self.lose_etcd, self.lose_line,
                             self.lose_worker, self.sync], [40, 20, 10, 5, 5, 2, 2, 1, 2])[0]()

    def key(self):
        return self.random.randrange(12)

    def target(self):
        return self.random.choice((self.world.a, self.world.b))

    def put(self):
        number = self.key()
        self.world.etcd.put(f"k{number}", line(number, self.target(), balancing=self.random.choice(["random", "maglev"])))

    def delete(self):
        self.world.etcd.delete(f"k{self.key()}")

    def put_leased(self):
        number = self.key()
        self.leases.append(self.world.etcd.lease(self.random.choice([1, 60])))
        self.world.etcd.put(f"k{number}", line(number, self.target()), lease=self.leases[-1])

    def revoke(self):
        if self.leases:
            self.world.etcd.revoke(self.leases.pop(self.random.randrange(len(self.leases))))

    def compact(self):
        self.put()
        self.world.etcd.compact()

    def lose_etcd(self):
        self.world.etcd.kill()
        self.world.etcd.start()

    def lose_line(self):
        self.world.etcd.netns.ip("link", "set", "eth0", "down")
        for _ in range(5):
            self.random.choice((self.put, self.delete, self.compact))()
        self.world.etcd.netns.ip("link", "set", "eth0", "up")

    def lose_worker(self):
        os.kill(self.world.running.worker_pid(), signal.SIGKILL)
        wait_until(lambda: self.world.running.worker_pid(), "another worker")

    def sync(self):
        self.world.running.meshctl("registry", "sync", "etcd", check=False)


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_the_kernel_ends_where_etcd_ends(world, seed):
    start(world, world.netns())
    play = Play(world, seed)
    for _ in range(60):
        play.step()
    while play.leases:
        play.revoke()

    def services():
        # What the worker was told last is the last that etcd has.
        return [one for text in world.etcd.contents().values() for one in yaml.safe_load(text)["services"]]

    wait_until(lambda: {item["name"] for item in services()} == set(world.running.services()),
               lambda: f"{sorted(item['name'] for item in services())}, are {sorted(world.running.services())}; {shown(world)}",
               timeout=LONG)
    world.running.wait_applied(*services(), timeout=LONG)
    for one in services():
        target = one["backends"][0]["port"]
        assert who(world, one) == {world.a.port: "a", world.b.port: "b"}[target]
