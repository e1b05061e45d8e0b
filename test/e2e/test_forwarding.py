# SPDX-License-Identifier: Apache-2.0
"""Packets that pass a node: a client and a backend that know nothing of meshd, and a node between them."""

import json
import socket

import pytest
from harness.echo import ask, read_line
from harness.forwarded import (BACKEND, BACKEND6, CLIENT, CLIENT6, NODE, NODE6, Net, dns, echoes_back, programs_at, qdiscs, web)
from harness.hosts import SERVICE, SERVICE6
from harness.process import run, wait_until
from harness.registry import backend, service


@pytest.mark.parametrize("environment", [{}, {"MESHD_TEST_NO_TCX": "1"}], ids=["tcx", "clsact"])
def test_tcp_and_udp_reach_a_backend_and_come_back_from_the_service(world, environment):
    net = Net(world, environment=environment)
    assert {item["mechanism"] for item in net.agent.devices().values()} == {"clsact" if environment else "tcx"}, net.agent.devices()
    links = next(row for row in net.agent.meshctl_json("feature", "list")["features"] if row["name"] == "device_links")
    assert (links["state"], bool(links["cost"])) == (("replaced", True) if environment else ("used", False))
    tcp, udp = (net.tcp("a"), net.tcp("a", BACKEND6)), (net.udp("b"), net.udp("b", BACKEND6))
    net.serve(web(*tcp), dns(*udp))
    for number, address in enumerate((SERVICE, SERVICE6)):
        with net.connect(address) as connection:
            assert read_line(connection) == "a"
            assert echoes_back(connection)
            assert tcp[number].peers[-1][0] == (CLIENT, CLIENT6)[number]  # nothing hides the client
        name, source = ask(net.socket(address, socket.SOCK_DGRAM), (address, 53), b"what?")
        assert (name, source) == ("b", (address, 53))


def test_a_node_port_leads_to_the_service_at_every_address_of_the_node(world):
    net = Net(world)
    entry = web(net.tcp("a"), net.tcp("a", BACKEND6))
    entry["ports"][0]["node_port"] = 30080
    net.serve(entry)
    for address in (NODE, NODE6, "10.2.0.1"):
        assert net.who(address, 30080) == "a"
    with pytest.raises(OSError):
        net.connect(NODE, 80)


@pytest.mark.parametrize("address", [BACKEND, BACKEND6])
def test_masquerade_shows_the_backend_the_node(world, address):
    net = Net(world, "forwarding: {masquerade: always}")
    echo = net.tcp("a", address)
    net.serve(web(echo))
    with net.connect(SERVICE6 if ":" in address else SERVICE) as connection:
        assert read_line(connection) == "a"
        assert echoes_back(connection)
    assert echo.peers[-1][0] == ("fd02::1" if ":" in address else "10.2.0.1")
    assert 61001 <= echo.peers[-1][1] <= 65535


@pytest.mark.parametrize("address", [SERVICE, SERVICE6])
def test_direct_server_return_hands_packets_on_as_they_are(world, address):
    net = Net(world, "forwarding: {default: dsr}")
    net.back.ip("addr", "add", f"{address}/{128 if ':' in address else 32}", "dev", "lo", *(["nodad"] if ":" in address else []))
    echo = net.tcp("a", address, 80)
    net.serve(service("web", address, 80, [backend(BACKEND6 if ":" in address else BACKEND, 80)]))
    with net.connect(address) as connection:
        assert read_line(connection) == "a"
        assert echoes_back(connection)
        assert echo.peers[-1][0] == (CLIENT6 if ":" in address else CLIENT)


def test_a_client_keeps_its_backend_as_long_as_the_service_says(world):
    net = Net(world)
    echoes = [net.tcp(name) for name in "abcdef"]
    net.serve(web(*echoes))
    assert len({net.who() for _ in range(40)}) > 1
    net.serve(web(*echoes, affinity="10m"))
    wait_until(lambda: table_says(net, affinity=True), "the table to say so")
    first = net.who()
    assert {net.who() for _ in range(20)} == {first}


def table_says(net, affinity):
    return (net.agent.service("web")["affinity_s"] != 0) == affinity


@pytest.mark.parametrize("environment", [{}, {"MESHD_TEST_NO_TCX": "1"}], ids=["tcx", "clsact"])
def test_unloading_leaves_what_is_not_translated_alone(world, environment):
    net = Net(world, environment=environment)
    echo = net.tcp("a")
    net.serve(web(echo))
    assert net.who() == "a"
    with net.connect(BACKEND, echo.port) as direct:
        read_line(direct)
        net.agent.stop()
        net.agent.unload()
        assert echoes_back(direct)
    assert programs_at(net, "c0") == [] and qdiscs(net, "c0") == []
    client = net.socket(SERVICE)
    client.settimeout(1)
    with pytest.raises(OSError):
        client.connect((SERVICE, 80))


def test_doctor_names_programs_of_others_at_the_devices(world):
    net = Net(world)

    def finding():
        checks = json.loads(net.agent.meshctl("doctor", "-o", "json", check=False).stdout)["checks"]
        return [(one["state"], one["what"]) for one in checks if one["check"] == "device_programs"]
    assert finding() == [("ok", "no other programs are at our devices")]
    # Any will do: our own for the other side is none of ours here.
    program = next(one["id"] for one in net.agent.devices()["c0"]["programs"] if one["side"] == "egress")
    pin = world.place.root / "bpf/other"
    run("bpftool", "prog", "pin", "id", program, pin)
    net.node.run("tc", "qdisc", "add", "dev", "c0", "clsact")
    net.node.run("tc", "filter", "add", "dev", "c0", "ingress", "prio", "1", "bpf", "direct-action", "object-pinned", pin)
    pin.unlink()
    assert finding() == [("note", f"program 'md_egress' (id {program}) is at clsact/ingress of c0, beside ours")]


def test_filters_and_a_qdisc_of_others_stay(world):
    net = Net(world, environment={"MESHD_TEST_NO_TCX": "1"}, devices='["b0"]')
    net.node.run("tc", "qdisc", "add", "dev", "c0", "clsact")
    net.node.run("tc", "filter", "add", "dev", "c0", "ingress", "prio", "1", "bpf", "bytecode", "1,6 0 0 4294967295", "flowid", "1:1")
    net.agent.file.write_text('devices: ["c0", "b0"]\n')
    wait_until(lambda: set(net.agent.devices()) == {"b0", "c0"}, "both devices")
    wait_until(lambda: net.agent.devices()["c0"]["mechanism"] == "clsact", "the filters")
    net.agent.file.write_text('devices: []\n')
    wait_until(lambda: not net.agent.devices(), "no device")
    assert qdiscs(net, "c0") == ["clsact"] and qdiscs(net, "b0") == []
    assert "bytecode" in net.node.run("tc", "filter", "show", "dev", "c0", "ingress").stdout


def test_devices_that_come_and_go_are_followed(world):
    net = Net(world, devices='["c*", "!c9"]')
    assert set(net.agent.devices()) == {"c0"}
    for name in ("c1", "c9"):
        net.node.ip("link", "add", name, "type", "veth", "peer", "name", f"x{name}")
    wait_until(lambda: net.agent.devices().get("c1", {}).get("programs"), "programs at c1")
    net.node.ip("addr", "add", "10.9.0.1/24", "dev", "c1")
    wait_until(lambda: "10.9.0.1" in net.agent.devices()["c1"]["addresses"], "its address")
    pin = f"/md_ingress_{net.agent.devices()['c1']['index']}"
    assert any(path.endswith(pin) for path in world.place.pins())
    net.node.ip("link", "del", "c1")
    wait_until(lambda: set(net.agent.devices()) == {"c0"}, "c1 to go")
    assert not any(path.endswith(pin) for path in world.place.pins())


def test_devices_can_be_named_while_the_agent_runs(world):
    net = Net(world, devices="[]")
    net.serve(web(net.tcp("a")))
    room = {item["name"]: item["max_entries"] for item in net.agent.api.get("/v1/maps")["maps"]}
    assert room["md_tracks"] == room["md_opening"] == room["md_affinity"] == 1
    net.agent.file.write_text('devices: ["c0", "b0"]\n')
    wait_until(lambda: len(net.agent.devices()) == 2, "both devices")
    assert net.who() == "a"
    room = {item["name"]: item["max_entries"] for item in net.agent.api.get("/v1/maps")["maps"]}
    assert room["md_tracks"] == 262144
    pinned = json.loads(run("bpftool", "-j", "map", "show", "pinned", world.place.maps / "md_tracks").stdout)
    assert pinned["max_entries"] == 262144
    net.agent.stop()
    net.agent.start()
    assert net.who() == "a"


def test_status_tells_what_stands_in_the_way(world):
    net = Net(world, devices='["nothing*"]')
    features = lambda: {item["feature"] for item in net.agent.status()["degraded"]}  # noqa: E731
    assert "devices" in features()
    net.agent.file.write_text('devices: ["c0", "b0"]\n')
    wait_until(lambda: "devices" not in features(), "the devices")
    net.serve(web(net.tcp("a")))
    net.node.run("sysctl", "-qw", "net.ipv4.ip_forward=0")
    net.agent.api.post("/v1/reconcile", {})
    assert "routing" in features()
    net.node.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    net.agent.api.post("/v1/reconcile", {})
    assert "routing" not in features()


def test_tracks_that_are_over_are_forgotten(world):
    net = Net(world, "forwarding: {timeouts: {opening: 1s, closed: 1s, closing: 1s, udp: 1s}}")
    net.serve(web(net.tcp("a")), dns(net.udp("b")))
    kept = net.connect(SERVICE)
    read_line(kept)
    for _ in range(20):
        net.who()
        ask(net.socket(SERVICE, socket.SOCK_DGRAM), (SERVICE, 53))
    wait_until(lambda: net.agent.status()["forwarding"]["removed_tracks"] >= 80, "tracks to be removed", timeout=30)
    wait_until(lambda: net.agent.status()["forwarding"]["tracks"] == 2, "only one connection to be left", timeout=30)
    assert echoes_back(kept)


def connect_from(net, port, address, to):
    made = net.socket(address, port=port)
    made.connect((address, to))
    return made


def test_a_port_may_go_to_the_backend_itself_after_a_connection_through_the_service(world):
    net = Net(world)
    a = net.tcp("a")
    net.serve(web(a))
    for _ in range(3):
        for address, port in ((SERVICE, 80), (a.address, a.port)):
            with connect_from(net, 40123, address, port) as connection:
                assert read_line(connection) == "a"
                connection.shutdown(socket.SHUT_WR)
                assert connection.recv(100) == b""


def test_a_port_may_go_to_the_backend_itself_and_to_the_service_at_once(world):
    net = Net(world)
    a = net.tcp("a")
    net.serve(web(a))
    itself = connect_from(net, 40124, a.address, a.port)
    assert read_line(itself) == "a"
    through = connect_from(net, 40124, SERVICE, 80)
    assert read_line(through) == "a"
    for connection in (itself, through, itself):
        echoes_back(connection)
