# SPDX-License-Identifier: Apache-2.0
"""Flows that pass devices: their bytes as the applications counted them, where they are counted, and what they cost others."""

import contextlib
import json
import socket

import pytest

from harness.echo import ask, read_line
from harness.forwarded import BACKEND, BACKEND6, Net, dns, web
from harness.hosts import SERVICE, SERVICE6
from harness.process import wait_until


def flows(net, **query):
    return net.agent.api.get("/v1/flows?" + "&".join(f"{key}={value}" for key, value in query.items()))["flows"]


def port_of(row):
    return int(row["client"].rsplit(":", 1)[1])


def wait_flow(net, client, condition, what, **query):
    """The only flow of that client socket."""
    port = client.getsockname()[1]

    def found():
        rows = [row for row in flows(net, **query) if port_of(row) == port]
        assert len(rows) <= 1, json.dumps(rows, indent=1)
        return rows[0] if rows and condition(rows[0]) else None
    return wait_until(found, lambda: f"{what}; flows are\n{json.dumps(flows(net, **query), indent=1)}")


def has(out, back):
    return lambda row: (row["bytes_out"], row["bytes_in"]) == (out, back)


def exchange(connection, size):
    """Sends, and reads the echo meanwhile. How many bytes came back."""
    connection.setblocking(False)
    left, came = size, 0
    payload = b"x" * 65536
    connection.settimeout(20)
    while came < size:
        if left:
            left -= connection.send(payload[:min(left, len(payload), 16384)])
        came += len(connection.recv(65536))
    return came


def lose_some(net):
    """Each fortieth packet on its way through the node, so that TCP sends again."""
    net.node.run("nft", "add", "table", "inet", "lossy")
    net.node.run("nft", "add", "chain", "inet", "lossy", "forward", "{ type filter hook forward priority 0; }")
    net.node.run("nft", "add", "rule", "inet", "lossy", "forward", "tcp", "flags", "&", "(syn|fin|rst)", "==", "0", "numgen", "inc", "mod", "40",
                 "==", "0", "counter", "drop")


def lost(net):
    rules = json.loads(net.node.run("nft", "-j", "list", "table", "inet", "lossy").stdout)["nftables"]
    return next(part["counter"]["packets"] for rule in rules if "rule" in rule for part in rule["rule"]["expr"] if "counter" in part)


@pytest.mark.parametrize("way", ["device", "forwarding"])
@pytest.mark.parametrize("ipv6", [False, True], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("loss", [False, True], ids=["whole", "lossy"])
def test_bytes_of_tcp_are_those_that_the_applications_counted(world, way, ipv6, loss):
    net = Net(world, "flows: {response_time: true}\n")
    echo = net.tcp("name", BACKEND6 if ipv6 else BACKEND)
    net.serve(web(echo))
    address = (SERVICE6 if ipv6 else SERVICE, 80) if way == "forwarding" else (echo.address, echo.port)
    if loss:
        lose_some(net)
    with net.connect(*address) as connection:
        banner = len(read_line(connection)) + 1
        size = 1_000_003
        back = banner + exchange(connection, size)
        row = wait_flow(net, connection, has(size, back), "the bytes to be counted", source=way)
        assert row["state"] == "established"
        assert row["response_us"] > 0
        if loss:
            assert lost(net) > 5
            net.node.run("nft", "delete", "table", "inet", "lossy")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
        wait_flow(net, connection, lambda row: row["state"] == "closed" and has(size, back)(row), "the flow to be closed", source=way)


@pytest.mark.parametrize("way", ["device", "forwarding"])
@pytest.mark.parametrize("ipv6", [False, True], ids=["ipv4", "ipv6"])
def test_bytes_of_udp_are_those_that_the_applications_counted(world, way, ipv6):
    net = Net(world, "flows: {response_time: true}\n")
    echo = net.udp("name", BACKEND6 if ipv6 else BACKEND)
    net.serve(dns(echo))
    address = (SERVICE6 if ipv6 else SERVICE, 53) if way == "forwarding" else (echo.address, echo.port)
    client = net.socket(address[0], socket.SOCK_DGRAM)
    out = back = 0
    for size in (1, 100, 1000, 1400):
        ask(client, address, b"x" * size)
        out, back = out + size, back + size + len("name ")
    row = wait_flow(net, client, has(out, back), "the bytes to be counted", source=way)
    assert (row["packets_out"], row["packets_in"]) == (4, 4)
    assert row["response_us"] > 0


def test_a_scan_costs_no_socket_its_record(world):
    net = Net(world, "limits: {flows: 16, device_flows: 64}\n")
    echo = net.tcp("name")
    with world.entered(net.node), socket.create_connection((echo.address, echo.port), timeout=10) as local:
        read_line(local)
        scanner = net.socket(BACKEND, socket.SOCK_DGRAM)
        for port in range(10_000, 12_000):
            scanner.sendto(b"?", (BACKEND, port))
        seen = wait_until(lambda: len(flows(net, source="device", limit=1000)) >= 16 and flows(net, source="device", limit=1000), "the scan to be seen")
        assert len(seen) <= 64
        local.sendall(b"x" * 1000)
        port = local.getsockname()[1]
        wait_until(lambda: [row for row in flows(net, source="client") if port_of(row) == port and row["bytes_out"] == 1000], "the socket's record")
        with socket.create_connection((echo.address, echo.port), timeout=10) as another:
            read_line(another)
            assert [row for row in flows(net, source="client") if port_of(row) == another.getsockname()[1]]
    assert net.agent.status()["events"]["flow_full"] == 0
    table = net.agent.api.get("/v1/traffic")["table"]
    assert (table["max_entries"], table["device_max_entries"]) == (16, 64)


def test_a_connection_to_a_socket_of_this_node_is_no_flow_of_a_device(world):
    net = Net(world)
    with world.entered(net.node):
        listener = world.keep(socket.create_server(("10.1.0.1", 0)))
    with net.connect(*listener.getsockname()) as client:
        with world.entered(net.node):
            server, _ = listener.accept()
        with server:
            client.sendall(b"x" * 1000)
            assert server.recv(1000)
            row = wait_flow(net, client, lambda row: row["bytes_out"] == 1000, "its record")
            assert row["source"] == "server"


@contextlib.contextmanager
def bridged(net):
    """The client's device c0 becomes a port of a bridge, br0, that has its addresses."""
    net.node.ip("link", "add", "br0", "type", "bridge")
    net.node.ip("addr", "flush", "dev", "c0")
    net.node.ip("link", "set", "c0", "master", "br0")
    for address in ("10.1.0.1/24", "fd01::1/64"):
        net.node.ip("addr", "add", address, "dev", "br0", *(["nodad"] if ":" in address else []))
    net.node.ip("link", "set", "br0", "up")
    yield


@pytest.mark.parametrize("ipv6", [False, True], ids=["ipv4", "ipv6"])
def test_a_bridge_and_its_port_count_a_flow_once(world, ipv6):
    net = Net(world, devices='["c0", "b0", "br0"]')
    echo = net.udp("name", BACKEND6 if ipv6 else BACKEND)
    with bridged(net):
        wait_until(lambda: "br0" in net.agent.devices() and net.agent.devices()["br0"]["programs"], "br0 to be looked at")
        wait_until(lambda: any(entry["formatted"]["value"]["below"] for entry in world.place.entries("md_devices")), "c0 to be its port")
        client = net.socket(echo.address, socket.SOCK_DGRAM)
        for _ in range(5):
            ask(client, (echo.address, echo.port), b"x" * 100)
        row = wait_flow(net, client, lambda row: row["packets_in"] >= 5, "the answers")
        assert (row["packets_out"], row["packets_in"], row["bytes_out"], row["bytes_in"]) == (5, 5, 500, 525)
        assert row["device"] == "br0"


@pytest.mark.parametrize("masquerade", ["always", "never"])
def test_a_flushed_connection_leaves_nothing_behind(world, masquerade):
    net = Net(world, f"forwarding: {{masquerade: {masquerade}}}\n")
    net.serve(web(net.tcp("name")))

    def tracks():
        return len(net.agent.place.entries("md_tracks"))
    with net.connect(SERVICE) as connection:
        read_line(connection)
        exchange(connection, 1000)
        assert tracks() == (4 if masquerade == "always" else 2)
        net.agent.meshctl("connection", "flush", "--service", "web")
        assert tracks() == 0
