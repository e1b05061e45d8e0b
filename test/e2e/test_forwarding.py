# SPDX-License-Identifier: Apache-2.0
"""Packets that pass a node: a client and a backend that know nothing of meshd, and a node between them."""

import contextlib
import json
import socket
import threading
import time

import pytest
from harness.echo import TcpEcho, UdpEcho, ask, family_of, read_line
from harness.hosts import SERVICE, SERVICE6, Hosts, NodeAgent
from harness.process import run, wait_until
from harness.registry import backend, service

IP_MTU, IP_MTU_DISCOVER, IP_PMTUDISC_DO = 14, 10, 2
BACKEND, BACKEND6, NODE, NODE6, CLIENT, CLIENT6 = "10.2.0.2", "fd02::2", "10.1.0.1", "fd01::1", "10.1.0.2", "fd01::2"


class Net:
    """The hosts, an agent on the node, echoes on the backend."""

    def __init__(self, world, settings="", environment=(), devices='["c0", "b0"]'):
        self.world = world
        self.hosts = world.keep(Hosts())
        self.client, self.node, self.back = self.hosts.client, self.hosts.node, self.hosts.backend
        self.agent = world.keep(NodeAgent(world.place, self.node, f"devices: {devices}\n{settings}", environment)).start()

    def tcp(self, name, address=BACKEND, port=0):
        return self.world.keep(TcpEcho(name, address, self.back, port))

    def udp(self, name, address=BACKEND):
        return self.world.keep(UdpEcho(name, address, self.back))

    def serve(self, *entries):
        self.world.registry.write(*entries)
        self.agent.wait_applied(*entries)

    def socket(self, address, kind=socket.SOCK_STREAM, port=0):
        with self.client.entered():
            made = self.world.keep(socket.socket(family_of(address), kind))
        made.settimeout(5)
        if port:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(("", port))
        return made

    def connect(self, address, port=80):
        made = self.socket(address)
        made.connect((address, port))
        return made

    def who(self, address=SERVICE, port=80):
        with self.connect(address, port) as connection:
            return read_line(connection)

    def settle(self, expected):
        """Until a new connection reaches one of these."""
        wait_until(lambda: self.who() in expected, f"{expected} to answer")


def web(*echoes, address=None, **keys):
    return service("web", address or [SERVICE, SERVICE6], 80, [backend(echo.address, echo.port) for echo in echoes], **keys)


def dns(*echoes):
    return service("dns", [SERVICE, SERVICE6], 53, [backend(echo.address, echo.port) for echo in echoes], protocol="udp")


def echoes_back(connection, payload=b"x" * 20000):
    connection.sendall(payload)
    got = b""
    while len(got) < len(payload):
        got += connection.recv(65536)
    return got == payload


@pytest.mark.parametrize("environment", [{}, {"MESHD_TEST_NO_TCX": "1"}], ids=["tcx", "clsact"])
def test_tcp_and_udp_reach_a_backend_and_come_back_from_the_service(world, environment):
    net = Net(world, environment=environment)
    assert {item["mechanism"] for item in net.agent.devices().values()} == {"clsact" if environment else "tcx"}, net.agent.devices()
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


def test_a_client_learns_the_mtu_behind_the_service(world):
    net = Net(world)
    echo = net.udp("a")
    net.serve(dns(echo))
    net.node.ip("link", "set", "b0", "mtu", "1300")
    client = net.socket(SERVICE, socket.SOCK_DGRAM)
    client.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
    client.connect((SERVICE, 53))

    def learned():
        with contextlib.suppress(OSError):
            client.send(b"x" * 1400)
        return client.getsockopt(socket.IPPROTO_IP, IP_MTU) == 1300

    wait_until(learned, "the client to hear of the MTU", interval=0.1)
    client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # of a datagram that was sent before it had learned
    assert ask(client, None, b"x" * 1200)[0] == "a"


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


class Load:
    """Connections that are used all the time, and new ones."""

    def __init__(self, net, count=12):
        self.net, self.failures, self.new, self.going = net, [], 0, True
        self.connections = [net.connect(SERVICE) for _ in range(count)]
        self.names = [read_line(connection) for connection in self.connections]
        self.threads = [threading.Thread(target=self._use, args=(one,), daemon=True) for one in self.connections]
        self.threads.append(threading.Thread(target=self._open, daemon=True))
        for thread in self.threads:
            thread.start()

    def _use(self, connection):
        while self.going:
            try:
                assert echoes_back(connection, b"y" * 3000)
            except (OSError, AssertionError) as error:
                self.failures.append(f"established: {error!r}")
                return
            time.sleep(0.01)

    def _open(self):
        while self.going:
            try:
                self.net.who()
                self.new += 1
            except (OSError, AssertionError) as error:
                self.failures.append(f"new: {error!r}")

    def stop(self):
        self.going = False
        for thread in self.threads:
            thread.join()
        return self.failures


def test_no_connection_breaks_when_backends_join_and_leave(world):
    net = Net(world)
    echoes = [net.tcp(name) for name in "abcd"]
    net.serve(web(*echoes[:3]))
    load = Load(net)
    for present in ((0, 1), (0, 1, 2, 3), (3,), (1, 2, 3), (0, 2), (0, 1, 2)):
        before = load.new
        net.serve(web(*(echoes[number] for number in present)))
        wait_until(lambda before=before: load.new > before + 10, "new connections")
    assert load.stop() == []


def test_no_connection_breaks_when_the_agent_is_killed_and_started_again(world):
    net = Net(world)
    net.serve(web(net.tcp("a"), net.tcp("b")))
    load = Load(net)
    for end in (net.agent.kill, net.agent.stop):
        end()
        before = load.new
        wait_until(lambda before=before: load.new > before + 10, "new connections without an agent")
        net.agent.start()
        assert {item["error"] for item in net.agent.devices().values()} == {""}
    assert load.stop() == []


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


def programs_at(net, device):
    shown = json.loads(net.node.run("bpftool", "-j", "net", "show", "dev", device).stdout or "[]")
    return [item["name"] for part in shown for item in part.get("tc", []) if item.get("name", "").startswith("md_")]


def qdiscs(net, device):
    return [item["kind"] for item in json.loads(net.node.run("tc", "-j", "qdisc", "show", "dev", device).stdout) if item["kind"] == "clsact"]


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
