# SPDX-License-Identifier: Apache-2.0
"""Who may connect to whom: real calls of real sockets, and what becomes of them."""

import json
import socket
import subprocess
import threading

import pytest
from harness.cgroup import Cgroup, mount_point
from harness.policy import DENIED, V4, V6, datagram, rule, start, verdict, with_services, workload_of
from harness.process import run


@pytest.fixture
def place(world):
    return with_services(world)


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


@pytest.mark.parametrize("unspecified, real, echo_of", [("0.0.0.0", "127.0.0.0/8", "tcp"), ("::ffff:0.0.0.0", "127.0.0.0/8", "tcp"),
                                                        ("::", "::1", "tcp6")])
def test_an_unspecified_address_is_asked_as_the_loopback_that_it_is(place, unspecified, real, echo_of):
    port = getattr(place, echo_of).port
    policy = start(place)
    assert verdict(place, unspecified, port) == 0
    policy.rules(rule("loopback", "deny", cidr=real))
    assert verdict(place, unspecified, port) == DENIED
    assert verdict(place, unspecified, port, socket.SOCK_DGRAM) == DENIED
    assert datagram(place, unspecified, port) == DENIED
    if "ffff" not in unspecified:
        asked = f"[{unspecified}]:{port}" if unspecified == "::" else f"{unspecified}:{port}"
        answer = policy.check("any", asked)
        assert (answer["verdict"], answer["kernel"], answer["rule"]["name"]) == ("deny", "deny", "loopback")


def test_an_unspecified_address_is_the_one_that_a_socket_is_bound_to(place):
    listener = place.tcp_echo("nine", "127.0.0.9")
    start(place, rule("nine", "deny", cidr="127.0.0.9"))
    assert verdict(place, "0.0.0.0", listener.port, bound="127.0.0.9") == DENIED
    assert verdict(place, "0.0.0.0", place.tcp.port) == 0


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


def test_refusals_are_seen_by_those_who_watch_flows(place):
    policy = start(place, rule("no-web", "deny", service="web"))
    watcher = subprocess.Popen([policy.agent.binaries / "meshctl", "--socket", place.place.socket, "flow", "watch", "-o", "json"],
                               stdout=subprocess.PIPE, text=True)
    try:
        over = threading.Event()

        def tries():
            while not over.wait(0.05):
                verdict(place, V4, 80)

        prober = threading.Thread(target=tries)
        prober.start()
        line = watcher.stdout.readline()
        while "policy_denied" not in line and line:
            line = watcher.stdout.readline()
        over.set()
        prober.join()
        assert "policy_denied" in line
    finally:
        watcher.terminate()
        watcher.wait()
        watcher.stdout.close()


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
