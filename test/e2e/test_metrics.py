# SPDX-License-Identifier: Apache-2.0
"""/metrics of the worker, as Prometheus reads it."""

import os
import re
import signal

import pytest

from harness import echo
from harness.process import run, wait_until
from harness.registry import backend, service

V4 = "10.96.0.80"
LINE = re.compile(r'^(?P<name>\w+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)$')


def samples(text):
    """name -> [(labels, value)]"""
    found = {}
    for line in text.splitlines():
        if match := LINE.match(line):
            labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match["labels"] or ""))
            found.setdefault(match["name"], []).append((labels, float(match["value"])))
    return found


def value(text, name, **labels):
    """The sum of the samples that have these labels."""
    return sum(number for have, number in samples(text).get(name, []) if labels.items() <= have.items())


@pytest.fixture
def counted(world):
    servers = [world.tcp_echo("a"), world.tcp_echo("b")]
    services = [service("line", V4, 7, [backend("127.0.0.1", one.port) for one in servers], balancing="round_robin"),
                service("empty", "10.96.0.81", 7, [backend("127.0.0.1", 1, state="drain")])]
    world.registry.write(*services)
    world.running = world.agent()
    world.running.wait_applied(*services)
    return world


def test_promtool_accepts_the_metrics(counted):
    echo.who(counted, V4, 7)
    checked = run("promtool", "check", "metrics", input=counted.running.metrics(), check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_connects_are_counted_by_service_and_backend(counted):
    for _ in range(10):
        echo.who(counted, V4, 7)
    with pytest.raises(ConnectionRefusedError):
        echo.connect(counted, "10.96.0.81", 7)
    text = wait_until(lambda: (text := counted.running.metrics()) and value(text, "meshd_connects_total", service="line") == 10 and text,
                      lambda: f"10 connects:\n{counted.running.metrics()}")
    by_backend = [number for labels, number in samples(text)["meshd_connects_total"] if labels["service"] == "line" and number]
    assert by_backend == [5, 5]
    assert value(text, "meshd_datapath_events_total", reason="no_backend") == 1
    assert value(text, "meshd_datapath_events_total", reason="connect_forwarded") == 10


def test_what_an_operator_looks_for_is_there(counted):
    have = samples(counted.running.metrics())
    assert value(counted.running.metrics(), "meshd_services") == 2
    assert value(counted.running.metrics(), "meshd_backends", state="drain") == 1
    assert value(counted.running.metrics(), "meshd_backends", state="ready") == 2
    for wanted in ("build_info", "map_entries", "map_max_entries", "reconcile_duration_seconds_count", "reconcile_errors_total",
                   "drift", "degraded"):
        assert any(name.startswith("meshd_") and wanted in name for name in have), f"nothing like {wanted} in {sorted(have)}"


def test_metrics_come_back_with_a_new_worker(counted):
    before = counted.running.worker_pid()
    os.kill(before, signal.SIGKILL)
    counted.running.wait_status(lambda status: status["worker"]["state"] == "running" and status["worker"]["pid"] != before, "a new worker")

    def answers():
        try:
            return counted.running.metrics()
        except AssertionError:
            return None
    assert value(wait_until(answers, "metrics"), "meshd_services") == 2
