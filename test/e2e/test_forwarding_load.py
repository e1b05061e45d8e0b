# SPDX-License-Identifier: Apache-2.0
"""Nothing that is promised to go on breaks under load: backends, the agent, its programs and devices come and go, traffic does not stop."""

import json
import socket

import pytest
from harness.echo import ask, read_line
from harness.forwarded import BACKEND, Net, dns, echoes_back, programs_at, qdiscs, web
from harness.hosts import SERVICE
from harness.load import Load
from harness.process import run, wait_until

MECHANISMS = pytest.mark.parametrize("environment", [{}, {"MESHD_TEST_NO_TCX": "1"}], ids=["tcx", "clsact"])
MASQUERADES = pytest.mark.parametrize("masquerade", ["auto", "always"])
WEB, DNS = (SERVICE, 80), (SERVICE, 53)


def loaded(world, settings="", environment=(), devices='["c0", "b0"]', names="ab", moves=False):
    net = Net(world, settings, environment, devices)
    tcp, udp = [net.tcp(name) for name in names], [net.udp(name) for name in names]
    net.serve(web(*tcp), dns(*udp))
    return net, tcp, udp, world.keep(Load(net.client, WEB, DNS, moves=moves))


def goes_on(load, more=10):
    """Until new connections and rounds over old ones have passed."""
    new, rounds = load.new + more, load.rounds + more * 10
    wait_until(lambda: (load.new >= new and load.rounds >= rounds) or load.failures, "traffic to go on", timeout=30)


def ends_unharmed(net, load):
    """If not: the failures, and what the datapath counted meanwhile."""
    failures = load.stop()
    assert failures == [], [line for line in net.agent.metrics().splitlines() if line.startswith("meshd_datapath_events")
                            and not line.endswith(" 0")]


@MASQUERADES
@pytest.mark.parametrize("sockets", ["close", "keep"])
def test_no_connection_breaks_when_backends_join_and_leave(world, masquerade, sockets):
    """Datagrams go to another backend where theirs has left, unless the service keeps what is there."""
    closes = sockets == "close"
    net, tcp, udp, load = loaded(world, f"forwarding: {{masquerade: {masquerade}}}", names="abcd", moves=closes)
    departures = 0
    for present in ((0, 1), (0, 1, 2, 3), (3,), (1, 2, 3), (0, 2), (0, 1, 2)):
        drain = {"drain": {"sockets": sockets}}
        net.serve(web(*(tcp[number] for number in present), **drain), dns(*(udp[number] for number in present), **drain))
        departures += 4 - len(present)
        goes_on(load)
    ends_unharmed(net, load)
    flows = 7  # kept ones, and the one that is begun
    assert load.lost <= departures * flows if closes else load.lost == 0


@MECHANISMS
def test_no_flow_breaks_when_the_agent_is_killed_stopped_and_started_again(world, environment):
    net, _, _, load = loaded(world, environment=environment)
    for end in (net.agent.kill, net.agent.stop, net.agent.kill):
        end()
        goes_on(load)
        net.agent.start()
        assert {item["error"] for item in net.agent.devices().values()} == {""}
        goes_on(load)
    ends_unharmed(net, load)


def links_at(world, net):
    """Of the node's devices: pin of a tcx link to its id and its program's."""
    found = {}
    for path in world.place.pins():
        if "/md_ingress_" in path or "/md_egress_" in path:
            link = json.loads(run("bpftool", "-j", "link", "show", "pinned", path).stdout)
            found[path.rpartition("/")[2]] = (link["id"], link["prog_id"])
    return found


def test_an_upgrade_replaces_programs_in_the_links_that_are_there(world):
    net, _, _, load = loaded(world)
    before = links_at(world, net)
    assert len(before) == 4
    net.agent.stop()
    assert links_at(world, net) == before
    net.agent.start()
    after = links_at(world, net)
    assert {pin: link for pin, (link, _) in after.items()} == {pin: link for pin, (link, _) in before.items()}, "the links stay"
    assert not {program for _, program in after.values()} & {program for _, program in before.values()}, "each has a new program"
    goes_on(load)
    ends_unharmed(net, load)


@MECHANISMS
def test_unloading_under_load_ends_translation_and_nothing_else(world, environment):
    net = Net(world, environment=environment)
    echo, datagrams = net.tcp("a"), net.udp("a")
    net.serve(web(echo), dns(datagrams))
    # Servers of their own: a client may have one port to a service and to its backend, which only the backend would notice.
    # Connections alone: one datagram was seen to be lost while a qdisc was removed, and nobody sends it again.
    direct = world.keep(Load(net.client, (BACKEND, net.tcp("b").port)))
    goes_on(world.keep(Load(net.client, WEB, DNS)))  # whatever becomes of it
    net.agent.stop()
    net.agent.unload()
    assert programs_at(net, "c0") == [] == programs_at(net, "b0")
    assert qdiscs(net, "c0") == [] == qdiscs(net, "b0")
    assert world.place.pins() == []
    goes_on(direct)
    assert direct.stop() == []
    net.agent.start()
    wait_until(lambda: net.who() == "a", "new connections after a new start")
    afresh = world.keep(Load(net.client, WEB))
    goes_on(afresh)
    assert afresh.stop() == []


def test_a_connection_that_says_nothing_outlives_an_unload_and_a_new_start(world):
    """Its packets are given the same backend again: nothing of it was but in the table."""
    net = Net(world)
    net.serve(web(*[net.tcp(name) for name in "abcd"]))
    kept = [net.connect(SERVICE) for _ in range(8)]
    for connection in kept:
        read_line(connection)
    net.agent.stop()
    net.agent.unload()
    net.agent.start()
    wait_until(lambda: net.agent.status()["services"]["applied"] == 1, "the service")
    for connection in kept:
        assert echoes_back(connection, b"still there")


def test_no_flow_breaks_when_other_devices_come_and_go(world):
    net, _, _, load = loaded(world, devices='["c*", "b0"]')
    for _ in range(5):
        net.node.ip("link", "add", "c7", "type", "veth", "peer", "name", "x7")
        wait_until(lambda: net.agent.devices().get("c7", {}).get("programs"), "programs at c7")
        net.node.ip("link", "del", "c7")
        wait_until(lambda: "c7" not in net.agent.devices(), "c7 to go")
        goes_on(load, 3)
    ends_unharmed(net, load)


@MECHANISMS
def test_no_flow_breaks_when_a_device_is_named_once_more(world, environment):
    """What is taken out of `devices` and put back finds its flows, if it is soon back."""
    net, _, _, load = loaded(world, environment=environment)
    goes_on(load)
    ends_unharmed(net, load)
    connection = net.connect(SERVICE)
    name = read_line(connection)
    net.agent.file.write_text('devices: ["c0"]\n')
    wait_until(lambda: set(net.agent.devices()) == {"c0"}, "b0 to go")
    net.agent.file.write_text('devices: ["c0", "b0"]\n')
    wait_until(lambda: set(net.agent.devices()) == {"c0", "b0"}, "b0 to come back")
    assert name in "ab" and echoes_back(connection)


@MECHANISMS
def test_programs_that_somebody_detaches_are_put_back(world, environment):
    net, _, _, load = loaded(world, "reconcile: {interval: 1s}", environment)
    goes_on(load)
    if environment:
        net.node.run("tc", "filter", "del", "dev", "c0", "ingress")
        wait_until(lambda: len(programs_at(net, "c0")) == 2, "the program to be back")
    else:
        name = f"md_ingress_{net.agent.devices()['c0']['index']}"
        link = links_at(world, net)[name]
        run("bpftool", "link", "detach", "pinned", next(path for path in world.place.pins() if path.endswith("/" + name)))
        wait_until(lambda: links_at(world, net).get(name, link) != link, "another link")
    afresh = world.keep(Load(net.client, WEB, DNS))
    goes_on(afresh)
    assert afresh.stop() == []
    # Requests went nowhere meanwhile. Connections send them again; datagrams are lost, and who began in that time was told that there
    # is no way.
    assert [failure for failure in load.stop() if failure.startswith("kept TCP")] == []


def test_datagrams_find_their_backend_while_the_agent_is_gone(world):
    net = Net(world)
    net.serve(dns(*[net.udp(name) for name in "abcd"]))
    flows = [net.socket(SERVICE, socket.SOCK_DGRAM) for _ in range(8)]
    names = [ask(flow, DNS)[0] for flow in flows]
    net.agent.kill()
    assert [ask(flow, DNS)[0] for flow in flows] == names
    net.agent.start()
    assert [ask(flow, DNS)[0] for flow in flows] == names
