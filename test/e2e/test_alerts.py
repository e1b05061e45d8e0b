# SPDX-License-Identifier: Apache-2.0
"""The alerts of deploy/prometheus: promtool says when they fire, a real agent that their metrics are there, the runbook what to do."""

import json
import pathlib
import re

import pytest
import yaml

from harness import echo
from harness.process import run, wait_until
from harness.prometheus import Prometheus
from harness.registry import backend, service

HERE = pathlib.Path(__file__).resolve()
RULES = HERE.parents[2] / "deploy/prometheus/meshd.rules.yml"
RUNBOOK = HERE.parents[2] / "docs/runbook.md"
METRICS = HERE.parents[2] / "docs/metrics.md"
CASES = HERE.parent / "data/alerts.test.yml"


def groups():
    return yaml.safe_load(RULES.read_text())["groups"]


def alerts():
    return {rule["alert"]: rule for group in groups() for rule in group["rules"]}


def test_each_fires_when_it_should_and_not_otherwise(tmp_path):
    checked = run("promtool", "check", "rules", RULES, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    # promtool compares annotations as well, which are texts for people.
    bare = [{**group, "rules": [{key: value for key, value in rule.items() if key != "annotations"} for rule in group["rules"]]} for group in groups()]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": bare}))
    cases = tmp_path / "cases.yml"
    cases.write_text(CASES.read_text().replace("[RULES]", "[rules.yml]"))
    tested = run("promtool", "test", "rules", cases, check=False)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    tried = {case["alertname"] for test in yaml.safe_load(cases.read_text())["tests"] for case in test["alert_rule_test"] if case.get("exp_alerts")}
    assert tried == set(alerts())


def test_each_has_its_place_in_the_runbook():
    assert re.findall(r"^### (\w+)$", RUNBOOK.read_text(), re.M) == list(alerts())


def test_their_metrics_are_documented():
    documented = set(re.findall(r"meshd_\w+", METRICS.read_text()))
    named = {name for rule in alerts().values() for name in re.findall(r"meshd_\w+", rule["expr"])}
    assert named <= documented, named - documented


def test_a_node_in_order_is_silent_and_one_that_is_not_speaks(world):
    """Whether the expressions hold; how long they must is promtool's matter."""
    line = service("line", "10.96.0.80", 7, [backend("127.0.0.1", world.tcp_echo("a").port)])
    world.registry.write(line)
    agent = world.agent()
    agent.wait_applied(line)
    prometheus = world.keep(Prometheus(world.place.root / "prometheus", f"127.0.0.1:{agent.metrics_port}"))
    wait_until(lambda: prometheus.query("meshd_services"), "a scrape")

    def firing():
        return {name for name, rule in alerts().items() if prometheus.query(rule["expr"])}
    echo.who(world, "10.96.0.80", 7)
    assert not firing()

    empty = service("empty", "10.96.0.81", 7, [])
    world.registry.write(line, empty)
    agent.wait_applied(line, empty)
    world.registry.replace("services: [", "broken")

    def happen():
        with pytest.raises(ConnectionRefusedError):
            echo.connect(world, "10.96.0.81", 7)
        return firing() == {"MeshdNoBackend", "MeshdRegistryObjectsRefused", "MeshdDegraded"}
    wait_until(happen, lambda: f"the alerts; there are {firing()}\n{agent.metrics()}", timeout=30, interval=0.5)
