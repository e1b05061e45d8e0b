# SPDX-License-Identifier: Apache-2.0
"""The flow table: bytes as the applications counted them, how connections end, watching, and a table that is full."""

import contextlib
import json
import random
import socket
import struct
import threading
import time

import pytest

from harness.line import PORT, V4, Line, receive, talk
from harness.process import wait_until
from harness.registry import backend, service
from harness.watching import Watching


def flows(agent, **query):
    text = "&".join(f"{key}={value}" for key, value in query.items())
    return agent.api.get("/v1/flows" + ("?" + text if text else ""))["flows"]


def flow(agent, **query):
    """The only one that matches."""
    rows = flows(agent, **query)
    assert len(rows) == 1, json.dumps(rows, indent=1)
    return rows[0]


def ends(client):
    return {"address": "%s:%d" % client.getsockname()[:2] if client.family == socket.AF_INET else "[%s]:%d" % client.getsockname()[:2]}


def wait_flow(agent, condition, what, **query):
    return wait_until(lambda: next((row for row in flows(agent, **query) if condition(row)), None),
                      lambda: f"{what}; flows are\n{json.dumps(flows(agent, **query), indent=1)}")


def traffic(agent, name):
    return next(row for row in agent.api.get("/v1/traffic")["services"] if row["service"] == name)


def total(row, way):
    return row["bytes_" + way] + row["short_" + way]


class Pair:
    """A service with a listener behind it, with the short way off for it or in use."""

    def __init__(self, world, *, short, netns=None, ipv6=False, settings=""):
        self.line = Line(world, entry=None if short else {"acceleration": "off"}, netns=netns, ipv6=ipv6, settings=settings)
        self.agent, self.world = self.line.agent, world

    def connection(self, netns=None):
        return self.line.connection(netns)


def exchange(client, server, out, back, seed=1):
    """Both directions at once, in messages of random sizes."""
    def send(sender, count, rng):
        while count:
            size = min(count, rng.choice((1, 7, 100, 1500, 9000, 65536, 200000)))
            sender.sendall(b"x" * size)
            count -= size

    def take(reader, count, taken):
        while count:
            part = reader.recv(min(count, 262144))
            assert part
            taken.append(len(part))
            count -= len(part)

    taken = [], []
    threads = [threading.Thread(target=send, args=(client, out, random.Random(seed))),
               threading.Thread(target=send, args=(server, back, random.Random(seed + 1))),
               threading.Thread(target=take, args=(server, out, taken[0])), threading.Thread(target=take, args=(client, back, taken[1]))]
    for sock in (client, server):
        sock.settimeout(30)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sum(taken[0]), sum(taken[1])) == (out, back)


@pytest.mark.parametrize("short", [False, True], ids=["tcp", "short way"])
@pytest.mark.parametrize("apart", [False, True], ids=["one namespace", "two namespaces"])
@pytest.mark.parametrize("ipv6", [False, True], ids=["ipv4", "ipv6"])
def test_bytes_are_those_that_the_applications_counted(world, short, apart, ipv6):
    pair = Pair(world, short=short, netns=world.netns("s") if apart else None, ipv6=ipv6)
    out, back = 3_000_017, 1_234_567
    with pair.connection(world.netns("c") if apart else None) as (client, server):
        query = ends(client)
        exchange(client, server, out, back)
        row = wait_flow(pair.agent, lambda row: (total(row, "out"), total(row, "in")) == (out, back), "the bytes to be counted", **query)
        assert (row["state"], row["source"], row["service"]) == ("established", "client", "line")
        assert row["short_out"] > 0 if short else row["short_out"] == row["short_in"] == 0
        assert row["asked"] == ("[fd00:96::80]:80" if ipv6 else "10.96.0.80:80")
        assert row["cgroup"].endswith(world.cgroup.path.name)
        assert row["connect_us"] > 0 and row["rtt_us"] > 0 and row["retransmits"] >= 0
        open_row = traffic(pair.agent, "line")
        assert (open_row["open"], total(open_row, "out"), total(open_row, "in")) == (1, out, back)
    row = wait_flow(pair.agent, lambda row: row["state"] == "closed", "the flow to be closed", **query)
    assert (total(row, "out"), total(row, "in")) == (out, back)
    counted = traffic(pair.agent, "line")
    assert (counted["open"], counted["opened"], counted["closed"], counted["resets"]) == (0, 1, 1, 0)
    assert (total(counted, "out"), total(counted, "in")) == (out, back)
    assert counted["connect"]["count"] == counted["rtt"]["count"] == 1


@pytest.mark.parametrize("closer", ["client", "server"])
def test_bytes_are_exact_whoever_closes_first(world, closer):
    pair = Pair(world, short=False)
    with pair.connection() as (client, server):
        query = ends(client)
        exchange(client, server, 10_001, 20_002)
        first, second = (client, server) if closer == "client" else (server, client)
        first.shutdown(socket.SHUT_WR)
        assert second.recv(1) == b""
        second.sendall(b"last words")
        second.shutdown(socket.SHUT_WR)
        assert receive(first, 10) == b"last words"
        assert first.recv(1) == b""
    row = wait_flow(pair.agent, lambda row: row["state"] == "closed", "the flow to be closed", **query)
    assert (row["bytes_out"], row["bytes_in"]) == ((10_001, 20_012) if closer == "client" else (10_011, 20_002))


def test_a_connection_within_the_host_has_one_record(world):
    pair = Pair(world, short=False)
    with pair.connection() as (client, server):
        talk(client, server)
        port = client.getsockname()[1]
        assert [row["source"] for row in flows(pair.agent) if row["client"].endswith(f":{port}")] == ["client"]


def test_who_accepts_from_outside_owns_the_record(world):
    """The client is no process of the served cgroup."""
    pair = Pair(world, short=False)
    with socket.create_connection(pair.line.listener.getsockname()[:2]) as client:
        server, _ = pair.line.listener.accept()
        with server:
            exchange(client, server, 5_000, 70_000)
            row = wait_flow(pair.agent, lambda row: row["bytes_in"] == 70_000, "the bytes to be counted", **ends(client))
            assert (row["source"], row["bytes_out"], row["service"]) == ("server", 5_000, "")


def test_curl_and_nginx_agree_with_the_flow(world):
    agent = world.agent()
    nginx = world.nginx("one")
    entry = service("web", V4, PORT, [backend(nginx.address, nginx.port)])
    world.registry.write(entry)
    agent.wait_applied(entry)
    told = world.curl(V4, options=("-o", "/dev/null", "-w", "%{size_header} %{size_download} %{size_request} %{local_port}")).stdout.split()
    row = wait_flow(agent, lambda row: row["client"].endswith(":" + told[3]) and row["state"] == "closed", "curl's flow to end")
    assert (total(row, "in"), total(row, "out")) == (int(told[0]) + int(told[1]), int(told[2]))


def test_failed_connects_are_counted_for_their_backend(world):
    agent = world.agent()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        entry = service("dead", V4, PORT, [backend("127.0.0.1", closed.getsockname()[1])])
        world.registry.write(entry)
        agent.wait_applied(entry)
        for _ in range(3):
            with world.entered(), pytest.raises(ConnectionRefusedError):
                socket.create_connection((V4, PORT), timeout=10)
    counted = traffic(agent, "dead")
    assert (counted["failed"], counted["opened"], counted["open"]) == (3, 0, 0)
    assert [row["state"] for row in flows(agent, service="dead")] == ["failed"] * 3


@pytest.mark.parametrize("who", ["client", "server"])
def test_resets_are_told_from_closes(world, who):
    pair = Pair(world, short=False)
    with pair.connection() as (client, server):
        query = ends(client)
        talk(client, server)
        (client if who == "client" else server).setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        (client if who == "client" else server).close()
        wait_flow(pair.agent, lambda row: row["state"] == "reset", "the flow to be reset", **query)
    counted = traffic(pair.agent, "line")
    assert (counted["closed"], counted["resets"], counted["open"]) == (1, 1, 0)


def test_answers_of_the_short_way_are_timed(world):
    pair = Pair(world, short=True)
    with pair.connection() as (client, server):
        for _ in range(5):
            talk(client, server)
        row = flow(pair.agent, **ends(client))
        assert row["response_us"] > 0
    assert traffic(pair.agent, "line")["response"]["count"] == 5


@pytest.mark.parametrize("ipv6", [False, True], ids=["ipv4", "ipv6"])
def test_answers_by_tcp_are_timed_when_the_configuration_asks_for_it(world, ipv6):
    pair = Pair(world, short=False, ipv6=ipv6, settings="flows: {response_time: true}\n")
    with pair.connection() as (client, server):
        for _ in range(3):
            client.sendall(b"x" * 100000)
            receive(server, 100000)
            time.sleep(0.05)
            server.sendall(b"y" * 100000)
            receive(client, 100000)
        client.close()
        wait_flow(pair.agent, lambda row: row["state"] == "closed" and row["response_us"] > 50000, "the time of the last answer")
    response = traffic(pair.agent, "line")["response"]
    assert response["count"] == 3 and 150000 <= response["sum_us"] < 1000000, response


def test_the_short_way_times_each_answer_once(world):
    pair = Pair(world, short=True, settings="flows: {response_time: true}\n")
    with pair.connection() as (client, server):
        for _ in range(5):
            talk(client, server)
    assert traffic(pair.agent, "line")["response"]["count"] == 5


def test_timing_can_be_switched_while_connections_live(world):
    pair = Pair(world, short=False)
    programs = lambda: {row["name"] for row in pair.agent.status()["programs"] if row["attached"]}  # noqa: E731
    timing = {"md_response_out", "md_response_in"}
    assert not programs() & timing
    with pair.connection() as (client, server):
        for wanted in (True, False, True):
            (world.place.root / "meshd.yaml").write_text(f"flows: {{response_time: {str(wanted).lower()}}}\n")
            pair.agent.reload()
            wait_until(lambda wanted=wanted: (programs() & timing == timing) == wanted and (programs() & timing or not wanted),
                       "the programs to come or go")
            before = traffic(pair.agent, "line")["response"]["count"]
            talk(client, server)
            assert traffic(pair.agent, "line")["response"]["count"] - before == wanted


def test_filters_and_order(world):
    pair = Pair(world, short=False)
    with pair.connection() as one, pair.connection() as two, pair.connection() as three:
        for number, connection in enumerate((one, three, two)):
            exchange(*connection, 1000 * (number + 1), 1)
        ports = [str(connection[0].getsockname()[1]) for connection in (two, three, one)]
        for number in (1, 2, 3):  # an acknowledgement may take its time
            wait_flow(pair.agent, lambda row, number=number: row["bytes_out"] == 1000 * number, "the bytes to be counted")
        assert [row["client"].rsplit(":")[-1] for row in flows(pair.agent, service="line", sort="bytes")] == ports
        assert len(flows(pair.agent, service="line", sort="bytes", limit=2)) == 2
        assert pair.agent.api.get("/v1/flows?service=line&limit=2")["matched"] == 3
        youngest = flows(pair.agent, service="line")[0]
        assert youngest["client"].endswith(":%d" % three[0].getsockname()[1])
        assert flows(pair.agent, service="line", min_age=3600) == []
        assert flows(pair.agent, service="line", state="closed") == []
        assert len(flows(pair.agent, service="line", state="established")) == 3
        assert len(flows(pair.agent, backend="127.0.0.1:%d" % pair.line.listener.getsockname()[1])) == 3
        one[1].shutdown(socket.SHUT_WR)
        wait_flow(pair.agent, lambda row: row["client"].endswith(":" + ports[2]), "a closing flow", state="closing")
        table = pair.agent.meshctl("flow", "list", "--service", "line", "--sort", "bytes", "--top", "1").stdout
        assert ports[0] in table and ports[1] not in table and "1 of 3 flows shown" in table


def test_a_full_table_counts_its_loss_and_goes_on(world):
    pair = Pair(world, short=False, settings="limits: {flows: 4}\n")
    with contextlib.ExitStack() as open_ones:
        for _ in range(12):
            talk(*open_ones.enter_context(pair.connection()))
        assert len(flows(pair.agent, service="line")) <= 4
        assert pair.agent.status()["events"]["flow_full"] >= 8
        assert traffic(pair.agent, "line")["open"] == 12
    counted = wait_until(lambda: (row := traffic(pair.agent, "line"))["closed"] == 12 and row, "all to be closed")
    assert (total(counted, "out"), total(counted, "in"), counted["opened"]) == (12_000, 12_000, 12)


def test_records_outlive_the_agent(world):
    pair = Pair(world, short=False)
    with pair.connection() as (client, server):
        talk(client, server)
        pair.agent.kill()
        talk(client, server)
        with pair.connection() as (other, reader):
            talk(other, reader)
            pair.agent.start()
            wait_flow(pair.agent, lambda row: total(row, "out") == 2000, "both talks to be counted", **ends(client))
            wait_flow(pair.agent, lambda row: total(row, "out") == 1000, "the talk to be counted", **ends(other))
    wait_until(lambda: traffic(pair.agent, "line")["closed"] == 2, "both to be closed")


def test_closed_flows_age_out(world):
    pair = Pair(world, short=False)
    with pair.connection() as (client, server):
        talk(client, server)
        query = ends(client)
    assert flow(pair.agent, **query)["state"] == "closed"
    wait_until(lambda: not flows(pair.agent, **query), "the record to go", timeout=20)
    assert traffic(pair.agent, "line")["closed"] == 1


def test_flows_can_be_switched_off(world):
    pair = Pair(world, short=False, settings="flows: {enabled: false}\n")
    with pair.connection() as (client, server):
        talk(client, server)
        assert flows(pair.agent) == []
        (world.place.root / "meshd.yaml").write_text("flows: {enabled: true}\n")
        pair.agent.reload()

        def followed():
            with pair.connection() as (other, reader):
                talk(other, reader)
                return flows(pair.agent, **ends(other))
        wait_until(followed, "flows to be followed")


def test_watch_shows_what_opens_ends_and_is_refused(world):
    pair = Pair(world, short=False)
    entry = service("empty", "10.96.0.81", PORT, [])
    world.registry.write(pair.line.entry, entry)
    pair.agent.wait_applied(pair.line.entry, entry)
    log = world.place.root / "watch.log"
    watching = world.keep(Watching(pair.agent, log))
    with pair.connection() as (client, server):
        talk(client, server)
        name = "%s:%d" % client.getsockname()
    with world.entered(), pytest.raises(ConnectionRefusedError):
        socket.create_connection(("10.96.0.81", PORT), timeout=10)
    wait_until(lambda: {row["event"] for row in watching.rows()} >= {"opened", "ended", "refused"}, lambda: f"the events; seen\n{log.read_text()}")
    rows = watching.rows()
    opened, ended = (next(row for row in rows if row["event"] == what and row["client"] == name) for what in ("opened", "ended"))
    assert (opened["service"], opened["state"]) == ("line", "established")
    assert (ended["state"], ended["bytes_out"], ended["bytes_in"]) == ("closed", 1000, 1000)
    refused = next(row for row in rows if row["event"] == "refused")
    assert (refused["service"], refused["server"], refused["reason"]) == ("empty", "10.96.0.81:80", "no_backend")
    assert refused["cgroup"].endswith(world.cgroup.path.name)
    assert (opened["verdict"], ended["verdict"], refused["verdict"]) == ("allowed", "allowed", "refused")
    assert (opened["reason"], ended["reason"]) == ("", "")


def test_top_and_metrics_tell_the_same(world):
    pair = Pair(world, short=False)
    with pair.connection() as (client, server):
        exchange(client, server, 5000, 6000)
        wait_flow(pair.agent, lambda row: (row["bytes_out"], row["bytes_in"]) == (5000, 6000), "the bytes to be counted", **ends(client))
        row = next(row for row in pair.agent.meshctl_json("top", "--once")["services"] if row["service"] == "line")
        assert (row["open"], row["opened"], row["errors"], row["bytes_out"], row["bytes_in"]) == (1, 1, 0, 5000, 6000)
        assert row["connect_p50_us"] > 0
        text = pair.agent.metrics()
    labels = 'service="line",port="80",protocol="tcp",backend="127.0.0.1:%d"' % pair.line.listener.getsockname()[1]
    values = {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith("meshd_flow")}

    def value(name, **extra):
        wanted = set(labels.split(",")) | {f'{key}="{text}"' for key, text in extra.items()}
        return next(number for key, number in values.items() if key.split("{")[0] == name and
                    set(key.split("{")[1].rstrip("}").split(",")) == wanted)
    assert value("meshd_flow_connections_total", event="opened") == 1
    assert value("meshd_flow_open_connections") == 1
    assert value("meshd_flow_bytes_total", way="tcp", direction="out") == 5000
    assert value("meshd_flow_bytes_total", way="tcp", direction="in") == 6000
    assert 'meshd_flow_connect_seconds_count{' in text


def histogram(agent, name):
    values = {line.split("{")[0]: float(line.rsplit(" ", 1)[1]) for line in agent.metrics().splitlines()
              if line.startswith(name) and 'service="line"' in line and 'le="' not in line}
    return values[name + "_count"], values[name + "_sum"]


def test_histograms_never_fall_when_a_backend_goes(world):
    pair = Pair(world, short=False)
    for _ in range(5):
        with pair.connection() as (client, server):
            talk(client, server)
    wait_until(lambda: traffic(pair.agent, "line")["closed"] == 5, "all to be closed")
    before = histogram(pair.agent, "meshd_flow_connect_seconds")
    assert before[0] == 5
    closed = pair.world.tcp_echo("other")
    entry = service("line", V4, PORT, [backend("127.0.0.1", closed.port)]) | {"acceleration": "off"}
    world.registry.write(entry)
    pair.agent.wait_applied(entry)

    def retired():
        assert histogram(pair.agent, "meshd_flow_connect_seconds") >= before
        row = traffic(pair.agent, "line")
        assert row["opened"] == row["connect"]["count"] == 5
        return {one["backend"]: one["opened"] for one in row["backends"]}.get("gone") == 5
    wait_until(retired, "the backend to be retired", timeout=20)
    pair.agent.kill()
    pair.agent.start()
    assert histogram(pair.agent, "meshd_flow_connect_seconds") == before


def test_what_was_followed_from_its_syn_on_is_when_flows_are_switched_off(world):
    pair = Pair(world, short=False, settings="flows: {enabled: true}\n")
    path = world.place.root / "meshd.yaml"
    with pair.connection() as (client, server):
        talk(client, server)
        path.write_text("flows: {enabled: false}\n")
        pair.agent.reload()
        wait_until(lambda: "configuration read again" in pair.agent.output(), "the agent to read its settings")
        with pair.connection() as (other, reader):
            talk(other, reader)
        assert traffic(pair.agent, "line")["open"] == 1
    counted = wait_until(lambda: (row := traffic(pair.agent, "line"))["open"] == 0 and row, "it to be closed")
    assert (counted["opened"], counted["closed"], counted["failed"]) == (1, 1, 0)
