# SPDX-License-Identifier: Apache-2.0
"""What a packet costs at a device: the programs alone, run on single packets."""

import json
import statistics

from harness.place import build_directory
from harness.process import run
from report import Result, spread

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
                     bar, None if bar is None else ratio <= bar, spread(values))


def run_case(note):
    note(f"{COUNT:,} packets of each kind, {PAIRS} times")
    answer = run(build_directory() / "bench-packet", "--pairs", PAIRS, "--count", COUNT, "--cpu", CPU, timeout=900)
    return list(packet_results(json.loads(answer.stdout)))
