# SPDX-License-Identifier: Apache-2.0
"""What a packet costs at a device: the programs alone, run on single packets; and traffic through a router that has them."""

import json
import statistics

from harness.place import build_directory
from harness.process import run
from report import Result, compared, spread
from routed import CLIENT_CPU, DATAGRAMS, LARGE, SERVER_CPU, Routed
from wrk import requests_per_second

NAME = "tc"
PAIRS, COUNT, CPU = 21, 200_000, 1
# Multiples of the floor: a program that reads the packet and looks it up once.
BARS = {"not ours, coming in": 1.4, "not ours, leaving": 1.4, "known flow, counted": 1.8, "tracked, rewritten": 3.5, "new": 8.0}


def packet_results(measured):
    floors = {one["kind"]: one["ns"] for one in measured["cases"] if one["name"] == "floor"}
    for one in measured["cases"]:
        if one["name"] == "floor":
            continue
        floor, values = floors[one["kind"]], one["ns"]
        ratio = statistics.median(mine / least for mine, least in zip(values, floor))
        bar = BARS.get(one["name"])
        yield Result(NAME, one["kind"], "packet_cost", "ns", one["name"], statistics.median(values), "floor", statistics.median(floor), ratio,
                     bar, None if bar is None else ratio <= bar, spread(values), turns=values, peer_turns=floor)


def cost_results(note):
    note(f"{COUNT:,} packets of each kind, {PAIRS} times")
    answer = run(build_directory() / "bench-packet", "--pairs", PAIRS, "--count", COUNT, "--cpu", CPU, timeout=900)
    return list(packet_results(json.loads(answer.stdout)))


# Subject, peer and the least ratio between them.
PASSING = ("not ours", "no programs", 0.97)
WEB_PAIRS = {"kept connections": (PASSING, ("service", "no programs", None), ("service", "nftables DNAT", None),
                                  ("service", "HAProxy TCP", None)),
             "1 MB answers": (PASSING, ("service", "nftables DNAT", None), ("service", "HAProxy TCP", None)),
             "a connection for each request": (("service", "nftables DNAT", 1.1), ("service", "HAProxy TCP", None),
                                               ("service", "no programs", None), PASSING[:2] + (None,))}


def in_turn(ways, turns, measure, note, case):
    """A value of each way in each turn, after one that does not count."""
    values = {name: [] for name in ways}
    for turn in range(turns + 1):
        note(f"{case}: turn {turn} of {turns}")
        for name, way in ways.items():
            value = measure(*way, seconds=2 if turn else 1)
            if turn:
                values[name].append(value)
    return values


def web_results(routed, note, case, path, turns, factor, metric, unit, *options):
    def measure(row, to, seconds):
        return requests_per_second(CLIENT_CPU, f"http://{to}/{path}", row.client.enter, seconds, *options) * factor

    wanted = {name for pair in WEB_PAIRS[case] for name in pair[:2]}
    values = in_turn({name: way for name, way in routed.ways(web=True).items() if name in wanted}, turns, measure, note, case)
    for subject, peer, least in WEB_PAIRS[case]:
        yield compared(NAME, case, metric, unit, subject, values[subject], peer, values[peer], least)


def datagram_results(routed, note, size):
    note(f"datagrams of {size} bytes")
    ways = {name: f"name={name},to={to},from=/run/netns/{row.client.name},listen=10.2.0.2:{DATAGRAMS},at=/run/netns/{row.backend.name}"
            for name, (row, to) in routed.ways(web=False).items()}
    # Two ways in one row of hosts share a listener's address, so a program for each.
    measured = {}
    for group in (("no programs", "not ours", "nftables DNAT"), ("no programs", "service", "nftables DNAT")):
        answer = run(build_directory() / "bench-datagrams", "--size", size, "--pairs", 7, "--duration-ms", 700, "--sender-cpu", CLIENT_CPU,
                     "--receiver-cpu", SERVER_CPU, *(ways[name] for name in group), timeout=120)
        measured[group[1]] = {one["name"]: one for one in json.loads(answer.stdout)["ways"]}
    pairs = (PASSING, ("service", "no programs", None), ("service", "nftables DNAT", None))
    for metric, unit in (("sent_per_s", "1/s"), ("busy_ns_each", "ns")):
        for subject, peer, least in pairs:
            of = measured[subject]
            bar = least if metric == "sent_per_s" else None
            yield compared(NAME, f"datagrams of {size} B", metric, unit, subject, of[subject][metric], peer, of[peer][metric], bar)


def router_results(note):
    routed = Routed(note)
    try:
        yield from web_results(routed, note, "kept connections", "tiny", 7, 1, "requests_per_second", "1/s")
        yield from web_results(routed, note, "1 MB answers", "file0", 5, LARGE / 1e6, "throughput", "MB/s")
        yield from web_results(routed, note, "a connection for each request", "tiny", 7, 1, "requests_per_second", "1/s", "--header",
                               "Connection: close")
        for size in (64, 1200):
            yield from datagram_results(routed, note, size)
    finally:
        routed.close()


PARTS = {"packets": cost_results, "router": router_results}
PARTS_APART = True


def run_case(note, wanted=()):
    for name in wanted or PARTS:
        yield from PARTS[name](note)
