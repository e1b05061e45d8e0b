# SPDX-License-Identifier: Apache-2.0
"""Policies that come, change and go: nothing passes in between, and what cannot be put in force changes nothing."""

import json
import socket
import subprocess
import sys
import threading
import time

import pytest
from harness import echo
from harness.cgroup import Cgroup, mount_point
from harness.policy import DENIED, V4, V6, Policy, datagram, rule, start, verdict, with_services, workload_of
from harness.process import run
from harness.registry import backend, service


@pytest.fixture
def place(world):
    return with_services(world)


def test_default_deny_holds_before_the_registry_has_answered(place):
    """From the first moment that programs are attached: connects that begin with the agent's start meet nothing open."""
    made = Policy(place, "deny")
    seen, over = set(), threading.Event()

    def connects():
        while not over.is_set():
            seen.add(echo.tcp_socket(place).connect_ex((V4, 80)))

    place.registry.remove("services")
    made.start()
    place.registry.write(*place.services)
    prober = threading.Thread(target=connects)
    prober.start()
    made.agent.wait_applied(*place.services)
    over.set()
    prober.join()
    assert seen <= {DENIED}, seen


# Connects until its input ends, then says what came of it.
PROBER = """
import contextlib, json, select, socket, sys
seen = set()
while not select.select([sys.stdin], [], [], 0)[0]:
    for address in sys.argv[1:]:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as client:
            client.settimeout(0.02)
            outcome = client.connect_ex((address, 80))
            if outcome == 0:  # without a program some router may answer for the address
                client.settimeout(1)
                outcome = -1
                with contextlib.suppress(OSError):
                    outcome = 0 if client.recv(3) == b"tcp" else -1
            seen.add(outcome)
print(json.dumps(sorted(seen)))
"""


def test_default_deny_is_in_force_before_programs_are(place):
    """The first program that could lead anywhere comes with the policy: clients that try from before the start never get through."""
    made = Policy(place, "deny")
    for _ in range(3):
        prober = subprocess.Popen([sys.executable, "-c", PROBER, V4, V6], preexec_fn=place.enter(), stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        made.start()
        made.agent.wait_applied(*place.services)
        seen = set(json.loads(prober.communicate(timeout=10)[0]))
        made.agent.stop()
        made.agent.unload()
        assert DENIED in seen and 0 not in seen, seen


def test_a_bad_rule_is_refused_with_its_place_and_the_old_policy_stays(place):
    policy = start(place, rule("no-web", "deny", service="web"))
    place.registry.replace("policies:\n  - name: no-web\n    action: allow\n    to: {cidr: 10.0.0.1/8}\n", "policy")
    policy.agent.wait_status(lambda now: any(one["state"] != "ok" for one in now["registry"]["sources"]), "a refusal")
    error = next(one["error"] for one in policy.agent.status()["registry"]["sources"] if one["state"] != "ok")
    assert "policy.yaml:4:16" in error and "10.0.0.0/8" in error
    assert verdict(place, V4, 80) == DENIED


def test_rules_of_a_deleted_file_go_while_another_file_is_bad(place):
    """Of the bad file nothing was ever read, so its rules of before stay; the deleted one has none any more."""
    policy = start(place)
    place.registry.replace(json.dumps({"policies": [rule("no-web", "deny", service="web")]}), "gone")
    place.registry.replace(json.dumps({"policies": [rule("no-names", "deny", service="names")]}), "bad")
    policy.wait(lambda view: len(view["rules"]) == 2)
    policy.agent.kill()
    place.registry.replace("policies: nonsense\n", "bad")
    policy.agent.start()
    policy.agent.wait_status(lambda now: any(one["state"] != "ok" for one in now["registry"]["sources"]), "a refusal")
    policy.wait(lambda view: len(view["rules"]) == 2)
    place.registry.remove("gone")
    policy.wait(lambda view: [one["name"] for one in view["rules"]] == ["no-names"])
    assert verdict(place, V4, 80) == 0
    assert datagram(place, V4, 53) == DENIED
    place.registry.remove("bad")
    policy.wait(lambda view: not view["rules"])


@pytest.mark.alone  # other tests give this node addresses, too
def test_rules_are_compiled_when_something_changes_and_not_else(place):
    shop = Cgroup("shop", place.cgroup.path)
    mount = mount_point()
    later = workload_of(shop, mount) + "/later"
    policy = start(place, rule("later", "deny", {"workload": later}), rule("no-web", "deny", service="web"))
    before = policy.view()["compiled"]
    time.sleep(2.5)  # more than two looks at cgroups
    assert policy.view()["compiled"] == before
    Cgroup("later", shop.path)
    policy.wait(lambda view: view["compiled"] == before + 1)
    space = place.netns("far")  # gives this node an address
    policy.wait(lambda view: view["compiled"] > before + 1)
    del space


def test_a_policy_that_is_too_large_is_refused_and_the_old_one_stays(place):
    policy = start(place, rule("no-web", "deny", service="web"))
    many = [rule(f"r{i}", "allow", {"cidr": f"10.{i // 256}.{i % 256}.0/24"}, cidr=f"172.16.{i % 256}.0/24") for i in range(2000)]
    many += [rule(f"wide{i}", "allow", {"cidr": f"{10}.0.0.0/8"}, cidr="172.16.0.0/12", port=i + 1) for i in range(3)]
    policy.rules(*many, wait=False)
    policy.wait(lambda view: "more than" in view["refused"])
    assert any(one["feature"] == "policy" for one in policy.agent.status()["degraded"])
    assert verdict(place, V4, 80) == DENIED
    policy.rules(rule("web", "allow", service="web"))
    assert verdict(place, V4, 80) == 0
    assert policy.view()["refused"] == ""


def test_the_policy_stays_while_the_agent_is_away_and_after_it_comes_back(place):
    policy = start(place, rule("no-web", "deny", service="web"))
    policy.agent.kill()
    assert verdict(place, V4, 80) == DENIED
    place.registry.remove("policy")
    place.registry.replace(json.dumps({"policies": [rule("no-names", "deny", service="names")]}), "other")
    policy.agent.start()
    policy.wait(lambda view: [one["name"] for one in view["rules"]] == ["no-names"])
    assert verdict(place, V4, 80) == 0
    assert datagram(place, V4, 53) == DENIED


def test_a_rule_holds_for_a_service_from_its_first_moment(place):
    """A service that a rule names comes while clients already try its address."""
    policy = start(place, rule("late", "deny", service="late"))
    server = place.tcp_echo("late")
    address = "10.96.0.41"
    seen, over = set(), threading.Event()

    def connects():
        while not over.is_set():
            client = echo.tcp_socket(place, timeout=0.05)
            seen.add(client.connect_ex((address, 80)))
            client.close()

    prober = threading.Thread(target=connects)
    prober.start()
    for _ in range(10):
        made = [*place.services, service("late", address, 80, [backend("127.0.0.1", server.port)])]
        place.registry.write(*made)
        policy.agent.wait_applied(*made)
        place.registry.write(*place.services)
        policy.agent.wait_applied(*place.services)
    over.set()
    prober.join()
    assert DENIED in seen
    # While the service is not there, some router may answer for its address.
    assert not server.peers


def test_verdicts_that_somebody_deleted_come_back(place):
    policy = start(place, rule("no-web", "deny", service="web"))
    pin = str(place.place.maps / "md_verdicts")
    key = place.place.entries("md_verdicts")[0]["key"]
    run("bpftool", "map", "delete", "pinned", pin, "key", *key)
    assert verdict(place, V4, 80) == 0
    policy.agent.api.post("/v1/reconcile")
    assert verdict(place, V4, 80) == DENIED


def test_policies_that_alternate_never_mix(place):
    """Two policies change places under load. Both deny one destination, by rules of different shapes beside others that differ: a
    connect that met a part of one, or of both, could pass."""
    first = [rule("one", "deny", service="web"), rule("two", "allow", service="names"),
             *[rule(f"a{i}", "allow", {"cidr": f"192.0.2.{i}"}, cidr="198.51.100.0/24") for i in range(50)]]
    second = [rule("one", "allow", service="web"), rule("two", "deny", cidr="0.0.0.0/0"), rule("three", "allow", service="names", port=54),
              *[rule(f"b{i}", "deny", {"cidr": f"192.0.2.{i}"}, cidr="198.51.100.0/24") for i in range(80)]]
    # In both, the connect to 127.0.0.9 is denied, by different rules of different shapes: none may ever let it pass.
    first.append(rule("never-a", "deny", cidr="127.0.0.9"))
    second.append(rule("never-b", "deny", {"workload": workload_of(place.cgroup, mount_point())}, cidr="127.0.0.0/28"))
    policy = start(place, *first, default="allow")
    listener = place.tcp_echo("nine", "127.0.0.9")
    seen, count, over = set(), [0, 0], threading.Event()

    def connects(number):
        while not over.is_set():
            seen.add(verdict_quick(place, "127.0.0.9", listener.port))
            count[number] += 1

    place.cgroup.enter()
    probers = [threading.Thread(target=connects, args=(number,)) for number in range(2)]
    for prober in probers:
        prober.start()
    try:
        for round_number in range(40):
            policy.rules(*(second if round_number % 2 == 0 else first))
    finally:
        over.set()
        for prober in probers:
            prober.join()
        (mount_point() / "cgroup.procs").write_text("0")
    assert seen == {DENIED}, f"of {sum(count)} connects: {seen}"
    assert sum(count) > 1000


def verdict_quick(_, address, port):
    with socket.socket(echo.family_of(address)) as made:
        return made.connect_ex((address, port))
