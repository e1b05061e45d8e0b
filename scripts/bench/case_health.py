# SPDX-License-Identifier: Apache-2.0
"""What probing thousands of backends costs, and how late probes begin."""

import json
import statistics

from harness.place import build_directory
from harness.process import run
from report import at_most, compared, spread

NAME = "health"
TARGETS, TURNS, SECONDS = 5000, 5, 10
CPU_BAR_PERCENT, LATENESS_BAR_MS = 10, 50


def results(kind):
    case = f"{TARGETS:,} targets each second, {kind}"
    measured = json.loads(run(build_directory() / "bench-probes", "--targets", TARGETS, "--turns", TURNS, "--seconds", SECONDS, "--type", kind,
                              timeout=600).stdout)
    wanted = TARGETS * TURNS * SECONDS
    assert measured["probes"] >= 0.99 * wanted and not measured["failures"], f"{measured} of {wanted} probes"
    percent = measured["percent"]
    yield at_most(NAME, case, "cpu", "% of a core", "prober", statistics.median(percent), CPU_BAR_PERCENT if kind == "tcp" else None,
                  spread=spread(percent), turns=percent)
    if measured["bare_percent"]:
        yield compared(NAME, case, "cpu", "% of a core", "prober", percent, "bare connects", measured["bare_percent"])
    # The bound of the bucket that it lies in; one of 0 lies beyond all of them.
    late = [one or float("inf") for one in measured["lateness_p99_ms"]]
    yield at_most(NAME, case, "lateness_p99", "ms", "prober", statistics.median(late), LATENESS_BAR_MS, turns=late)
    yield at_most(NAME, case, "later_than_50_ms", "%", "prober", measured["late"] / measured["probes"] * 100)


def run_case(note):
    for kind in ("tcp", "http"):
        note(f"{TARGETS:,} targets, {kind}, {TURNS} turns of {SECONDS} s")
        yield from results(kind)
