# SPDX-License-Identifier: Apache-2.0
"""Who may connect to whom: real calls of real sockets, and what becomes of them."""

import json
import socket
import threading

import pytest

from harness import echo
from harness.cgroup import Cgroup, mount_point
from harness.netns import Bridge
from harness.policy import DENIED, Policy, datagram, rule, verdict, workload_of
from harness.process import run, wait_until
from harness.registry import backend, service

V4, V6 = "10.96.0.40", "fd00:96::40"


@pytest.fixture
def place(world):
    """A service with a TCP and a UDP port, and direct addresses beside it."""
    world.tcp = world.tcp_echo("tcp")
    world.tcp6 = world.tcp_echo("tcp6", "::1")
    world.udp = world.udp_echo("udp")
    world.udp6 = world.udp_echo("udp6", "::1")
    world.services = [service("web", [V4, V6], 80, [backend("127.0.0.1", world.tcp.port), backend("::1", world.tcp6.port)]),
                      service("names", [V4, V6], 53, [backend("127.0.0.1", world.udp.port), backend("::1", world.udp6.port)], "udp")]
    world.registry.write(*world.services)
    return world


def start(world, *rules, default="allow", mode="enforce"):
    made = Policy(world, default, mode)
    if rules:
        made.rules(*rules, wait=False)
    made.start()
    made.agent.wait_applied(*world.services)
    made.wait(lambda view: len(view["rules"]) == len(rules))
    return made


@pytest.mark.parametrize("address", [V4, V6])
def test_without_rules_everything_passes(place, address):
    policy = start(place)
    assert verdict(place, address, 80) == 0
    assert policy.view()["generation"] == 0


@pytest.mark.parametrize("address", [V4, V6])
def test_a_denied_service_gives_eperm_and_another_passes(place, address):
    policy = start(place, rule("no-web", "deny", service="web"))
    assert verdict(place, address, 80) == DENIED
    assert datagram(place, address, 53) == 0
    assert policy.hits("no-web") == {"allowed": 0, "denied": 1, "audited": 0}
    assert policy.agent.status()["events"]["policy_denied"] == 1
    # The address behind the service is another destination.
    assert verdict(place, "127.0.0.1", place.tcp.port) == 0


@pytest.mark.parametrize("address", [V4, V6])
def test_datagrams_of_connected_and_of_other_sockets(place, address):
    start(place, rule("no-names", "deny", service="names", protocol="udp"))
    assert datagram(place, address, 53) == DENIED
    assert verdict(place, address, 53, socket.SOCK_DGRAM) == DENIED
    assert verdict(place, address, 80) == 0


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_direct_addresses_ports_and_protocols(place, address):
    cidr = "127.0.0.0/8" if address == "127.0.0.1" else "::1"
    tcp, udp = (place.tcp, place.udp) if address == "127.0.0.1" else (place.tcp6, place.udp6)
    start(place, rule("no-port", "deny", cidr=cidr, port=tcp.port, protocol="tcp"))
    assert verdict(place, address, tcp.port) == DENIED
    assert datagram(place, address, udp.port) == 0
    other = place.tcp_echo("other", address)
    assert verdict(place, address, other.port) == 0


def test_default_deny_and_an_ipv4_mapped_destination(place):
    start(place, rule("web", "allow", service="web"), default="deny")
    assert verdict(place, V4, 80) == 0
    assert verdict(place, V6, 80) == 0
    assert verdict(place, "127.0.0.1", place.tcp.port) == DENIED
    assert verdict(place, "::ffff:127.0.0.1", place.tcp.port) == DENIED
    assert verdict(place, f"::ffff:{V4}", 80) == 0
    assert datagram(place, V4, 53) == DENIED


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


def test_the_longest_prefix_decides(place):
    start(place, rule("wide", "deny", cidr="127.0.0.0/8"), rule("narrow", "allow", cidr="127.0.0.0/24"),
          rule("one", "deny", cidr="127.0.0.9"))
    assert verdict(place, "127.0.0.1", place.tcp.port) == 0
    assert verdict(place, "127.0.1.1", place.tcp.port) == DENIED
    assert verdict(place, "127.0.0.9", place.tcp.port) == DENIED


def test_a_workload_with_all_below_it(place):
    shop = Cgroup("shop", place.cgroup.path)
    deep = Cgroup("deep", shop.path)
    mount = mount_point()
    start(place, rule("shop", "deny", {"workload": workload_of(shop, mount)}, service="web"))
    assert verdict(place, V4, 80) == 0
    assert verdict(place, V4, 80, cgroup=shop) == DENIED
    assert verdict(place, V4, 80, cgroup=deep) == DENIED
    assert verdict(place, V6, 80, cgroup=deep) == DENIED


def test_the_deeper_workload_decides_and_one_that_comes_later_counts(place):
    shop = Cgroup("shop", place.cgroup.path)
    mount = mount_point()
    deep = workload_of(shop, mount) + "/deep"
    policy = start(place, rule("shop", "allow", {"workload": workload_of(shop, mount)}, service="web"),
                   rule("deep", "deny", {"workload": deep}), default="deny")
    assert verdict(place, V4, 80, cgroup=shop) == 0
    assert "there is no cgroup" in next(one["note"] for one in policy.view()["rules"] if one["name"] == "deep")
    later = Cgroup("deep", shop.path)
    policy.wait(lambda view: all(one["note"] == "" for one in view["rules"]))
    assert verdict(place, V4, 80, cgroup=later) == DENIED
    assert verdict(place, V4, 80) == DENIED


def test_sources_by_address(place):
    start(place, rule("bound", "deny", {"cidr": "127.0.0.5"}, service="web"))
    assert verdict(place, V4, 80, bound="127.0.0.5") == DENIED
    assert verdict(place, V4, 80, bound="127.0.0.6") == 0


def test_a_socket_without_an_address_is_denied_by_a_range_of_its_node(place):
    space = place.netns("far")  # gives this node an address on the bridge
    del space
    own = json.loads(run("ip", "-j", "-4", "addr", "show", "scope", "global").stdout)
    addresses = [info["local"] for one in own for info in one["addr_info"]]
    assert addresses
    policy = start(place, rule("here", "deny", {"cidr": f"{addresses[0]}/32"}, service="web"))
    policy.wait(lambda view: view["generation"] > 0)
    assert verdict(place, V4, 80) == DENIED
    policy.rules(rule("here", "deny", {"cidr": "203.0.113.0/24"}, service="web"))
    assert verdict(place, V4, 80) == 0


def test_audit_only_counts(place):
    policy = start(place, rule("no-web", "deny", service="web"), mode="audit")
    assert verdict(place, V4, 80) == 0
    assert policy.hits("no-web") == {"allowed": 0, "denied": 0, "audited": 1}
    assert policy.agent.status()["events"]["policy_audited"] == 1
    policy.set(mode="enforce")
    policy.agent.reload()
    policy.wait(lambda view: view["mode"] == "enforce")
    assert verdict(place, V4, 80) == DENIED


def test_a_bad_rule_is_refused_with_its_place_and_the_old_policy_stays(place):
    policy = start(place, rule("no-web", "deny", service="web"))
    place.registry.replace("policies:\n  - name: no-web\n    action: allow\n    to: {cidr: 10.0.0.1/8}\n", "policy")
    policy.agent.wait_status(lambda now: any(one["state"] != "ok" for one in now["registry"]["sources"]), "a refusal")
    error = next(one["error"] for one in policy.agent.status()["registry"]["sources"] if one["state"] != "ok")
    assert "policy.yaml:4:16" in error and "10.0.0.0/8" in error
    assert verdict(place, V4, 80) == DENIED


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
    assert 0 not in seen


def test_check_explains(place):
    policy = start(place, rule("wide", "deny", cidr="127.0.0.0/8"), rule("narrow", "allow", cidr="127.0.0.1"),
                   rule("no-web", "deny", service="web"))
    answer = policy.check("any", "127.0.0.1:8080")
    assert (answer["verdict"], answer["rule"]["name"], answer["kernel"]) == ("allow", "narrow", "allow")
    assert [(one["name"], one["why"]) for one in answer["others"]] == [
        ("wide", "its destination is more specific: 127.0.0.1 before 127.0.0.0/8")]
    answer = policy.check("10.1.2.3", "web")
    assert (answer["verdict"], answer["rule"]["name"], answer["kernel"]) == ("deny", "no-web", "deny")
    assert policy.check("any", "192.0.2.1:1")["rule"] is None
    shown = policy.agent.meshctl("policy", "check", "any", "web", check=False)
    assert shown.returncode == 4 and "no-web" in shown.stdout
    assert "no-web" in policy.agent.meshctl("policy", "list").stdout


def test_verdicts_that_somebody_deleted_come_back(place):
    policy = start(place, rule("no-web", "deny", service="web"))
    pin = str(place.place.maps / "md_verdicts")
    key = json.loads(run("bpftool", "-j", "map", "dump", "pinned", pin).stdout)[0]["key"]
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


@pytest.fixture
def edge(place):
    """A namespace on the bridge, and servers at this node's address there; the bridge is a device that the agent looks at."""
    place.far = place.netns("far")
    place.policy = Policy(place, settings=f"devices: [{Bridge.NAME}]\n")
    place.here = Bridge.address(1)
    place.server = place.tcp_echo("here", place.here)
    place.names = place.udp_echo("here", place.here)
    return place


def comes_in(place, port, kind=socket.SOCK_STREAM):
    """Whether a client outside of the mesh gets an answer."""
    with place.far.entered():
        made = socket.socket(socket.AF_INET, kind)
    made.settimeout(0.7)
    with made:
        try:
            made.connect((place.here, port))
            made.send(b"?")
            return made.recv(100) != b""
        except TimeoutError:
            return False


def test_what_comes_in_by_a_device_is_dropped(edge):
    policy = edge.policy.start()
    assert comes_in(edge, edge.server.port) and comes_in(edge, edge.names.port, socket.SOCK_DGRAM)
    policy.rules(rule("no-far", "deny", {"cidr": edge.far.address}, cidr=edge.here))
    assert not comes_in(edge, edge.server.port)
    assert not comes_in(edge, edge.names.port, socket.SOCK_DGRAM)
    assert policy.hits("no-far")["denied"] >= 2
    policy.rules(rule("no-far", "deny", {"cidr": edge.far.address}, cidr=edge.here), rule("port", "allow", {"cidr": edge.far.address},
                                                                                          cidr=edge.here, port=edge.server.port))
    assert comes_in(edge, edge.server.port)
    assert not comes_in(edge, edge.names.port, socket.SOCK_DGRAM)


def test_answers_to_datagrams_of_this_node_come_in_under_default_deny(edge):
    far = edge.udp_echo("far", edge.far.address, edge.far)
    policy = edge.policy
    policy.set("deny")
    policy.start()
    policy.rules(rule("out", "allow", cidr=edge.far.address))
    with echo.udp_socket(edge) as client:
        assert echo.ask(client, (edge.far.address, far.port))[0] == "far"
    assert not comes_in(edge, edge.names.port, socket.SOCK_DGRAM)


def test_connections_that_exist_are_not_cut(edge):
    policy = edge.policy.start()
    with edge.far.entered():
        client = socket.create_connection((edge.here, edge.server.port), timeout=2)
    with client, echo.connect(edge, "127.0.0.1", edge.tcp.port) as local:
        echo.read_line(client)
        echo.read_line(local)
        policy.rules(rule("nobody", "deny"))
        for open_one in client, local:
            open_one.send(b"still\n")
        assert not comes_in(edge, edge.server.port)
        assert verdict(edge, "127.0.0.1", edge.tcp.port) == DENIED
        assert client.recv(100) == b"still\n" and local.recv(100) == b"still\n"


def verdict_quick(_, address, port):
    with socket.socket(echo.family_of(address)) as made:
        return made.connect_ex((address, port))
