# SPDX-License-Identifier: Apache-2.0
"""The Grafana dashboard against a real Prometheus that scrapes a real agent: every expression works, and finds something."""

import json
import pathlib
import re
import socket

import pytest

from harness.agent import free_port
from harness.line import PORT, Line, talk
from harness.process import wait_until
from harness.prometheus import Prometheus
from harness.registry import service

DASHBOARD = pathlib.Path(__file__).resolve().parents[2] / "deploy/grafana/meshd.json"
NAME = re.compile(r"\bmeshd_\w+")


def dashboard():
    return json.loads(DASHBOARD.read_text())


def expressions():
    return [target["expr"] for panel in dashboard()["panels"] for target in panel.get("targets", [])]


def substituted(expression):
    """As Grafana does it for a variable of which all values are chosen."""
    return expression.replace("$__rate_interval", "30s").replace("$instance", ".*").replace("$service", ".*")


@pytest.fixture
def scraped(world):
    """An agent in which something has happened of all that the dashboard shows, and a Prometheus that saw it happen."""
    netns = world.netns()
    # Nobody listens there: something that is degraded.
    settings = {"devices": [netns.link], "flows": {"otlp": {"endpoint": f"http://127.0.0.1:{free_port()}", "batch": {"interval": "100ms"}}}}
    line = Line(world, settings=json.dumps(settings))
    limited = line.entry | {"name": "limited", "address": "10.96.0.82", "limits": {"connections": 1}, "acceleration": "off"}
    world.registry.write(line.entry, service("empty", "10.96.0.81", PORT, []), limited)
    world.registry.replace(json.dumps({"policies": [{"name": "noted", "action": "allow", "to": {"service": "line"}},
                                                    {"name": "closed", "action": "deny", "to": {"cidr": "198.51.100.0/24"}}]}), "policy")
    wait_until(lambda: len(line.agent.services()) == 3 and len(line.agent.api.get("/v1/policy")["rules"]) == 2, "services and rules")
    prometheus = world.keep(Prometheus(world.place.root / "prometheus", f"127.0.0.1:{line.agent.metrics_port}"))

    def happen():
        with line.connection() as (client, server):
            for _ in range(3):
                talk(client, server)
        for address in ("10.96.0.81", "198.51.100.1"):
            with world.entered(), socket.socket() as refused, pytest.raises(OSError):
                refused.settimeout(5)
                refused.connect((address, PORT))
        with world.entered(), socket.create_connection((limited["address"], PORT), timeout=10):
            line.listener.accept()[0].close()
    # Rates need two samples, so it happens until Prometheus has seen it.
    wait_until(lambda: (happen(), prometheus.query('rate(meshd_flow_connections_total{service="line",event="opened"}[30s]) > 0'))[1],
               lambda: f"Prometheus to see traffic; it says {prometheus.query('up')}\n{line.agent.metrics()}", timeout=30, interval=0.5)
    wait_until(lambda: (happen(), prometheus.query("meshd_degraded") and prometheus.query("rate(meshd_acceleration_tcp_total[30s])"))[1],
               "Prometheus to see the rest", timeout=30, interval=0.5)
    return line.agent, prometheus


def test_every_expression_finds_something(scraped):
    agent, prometheus = scraped
    scrape = {line.split("{")[0].split(" ")[0] for line in agent.metrics().splitlines() if not line.startswith("#")}
    names = {name for expression in expressions() for name in NAME.findall(expression)}
    assert names and names <= scrape, f"no such metrics: {sorted(names - scrape)}"
    empty = [expression for expression in map(substituted, expressions()) if not prometheus.query(expression)]
    assert not empty, empty


def test_every_variable_has_values(scraped):
    _, prometheus = scraped
    queries = [one["query"]["query"] for one in dashboard()["templating"]["list"] if one["type"] == "query"]
    assert len(queries) == 2
    for query in queries:
        series, label = re.fullmatch(r"label_values\((.*), (\w+)\)", query).groups()
        assert prometheus.query(f"count by ({label}) ({substituted(series)})"), query


def test_panels_do_not_overlap():
    taken = {}
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for cell in ((x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])):
            assert taken.setdefault(cell, panel["title"]) == panel["title"], panel["title"]
    identities = [panel["id"] for panel in dashboard()["panels"]]
    assert len(set(identities)) == len(identities)
