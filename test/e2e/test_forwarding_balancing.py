# SPDX-License-Identifier: Apache-2.0
"""What a node has seen of backends decides where connections of others go that pass it."""

import collections
import time

from harness.agent import free_port
from harness.echo import read_line
from harness.forwarded import BACKEND, Net, web
from harness.hosts import SERVICE
from harness.process import wait_until
from harness.registry import backend, service


def rows(net):
    listed = net.agent.meshctl_json("backend", "list", "--service", "web")["backends"]
    return {(row["address"], row["backend_port"]): row for row in listed}


def place(echo):
    return echo.address, echo.port


def test_least_connections_counts_those_that_pass(world):
    net = Net(world)
    a, b = net.tcp("a"), net.tcp("b")
    net.serve(web(a, balancing="least_connections"))
    held = [net.connect(SERVICE) for _ in range(60)]
    assert {read_line(connection) for connection in held} == {"a"}
    net.serve(web(a, b, balancing="least_connections"))
    wait_until(lambda: rows(net)[place(a)]["open"] == 60, lambda: f"60 connections to be open: {rows(net)[place(a)]}")
    seen = collections.Counter(net.who() for _ in range(200))
    # Two draws of two backends: both are the loaded one in a quarter of 200. Below 120 of 200 (random: 100, deviation 7.1) it is no choice,
    # and 150 less five deviations of 6.1 is 119.
    assert seen["b"] >= 120, seen
    for connection in held:
        connection.close()
    wait_until(lambda: rows(net)[place(a)]["open"] == 0, lambda: f"no connection to be open: {rows(net)[place(a)]}", timeout=30)


def test_a_backend_that_refuses_what_passes_is_ejected_and_comes_back(world):
    net = Net(world)
    a = net.tcp("a")
    dead = (BACKEND, free_port())
    keys = {"health": {"eject": {"consecutive": 3, "base": "5s"}}}
    net.serve(service("web", SERVICE, 80, [backend(*place(a)), backend(*dead)], **keys))
    refused = 0
    for _ in range(40):
        try:
            assert net.who() == "a"
        except ConnectionRefusedError:
            refused += 1
            refused_at = time.monotonic()
        if refused == 3 and time.monotonic() > refused_at + 4:
            break  # a machine so busy that the ejection may be over soon
    assert refused == 3
    assert rows(net)[dead]["state"] == "ejected"
    assert rows(net)[dead]["reason"] == "3 failed connections in a row, the last was refused"
    wait_until(lambda: rows(net)[dead]["state"] == "ready", "the ejection to be over", timeout=20)
