# SPDX-License-Identifier: Apache-2.0
"""Results like those of a run; no machine measured them."""

import pathlib
import sys

TOP = pathlib.Path(__file__).resolve().parents[3]
sys.path[:0] = [str(TOP / "scripts/bench")]

import report  # noqa: E402

FILE = pathlib.Path(__file__).with_name("sample.jsonl")
MACHINE = {"kernel": "6.1.0", "distribution": "Debian GNU/Linux 12 (bookworm)", "architecture": "x86_64", "cpu": "A processor", "cpus": 2, "cores": 2,
           "virtualization": "kvm", "governor": "none", "memory_mb": 7900, "commit": "0123abc", "time": "2026-01-02T03:04:05Z",
           "versions": {"meshd": "meshd 1.0", "wrk": ""}}
DIRECT = [1000.0, 1010.0, 990.0, 1005.0, 995.0]


def turns(factor, direct=DIRECT, shake=0.0):
    """What a way finds that is `factor` of direct; ratios of the turns are up to `shake` off."""
    return [one * factor * (1 + shake * (number % 3 - 1)) for number, one in enumerate(direct)]


def requests(factor=0.9, shake=0.0, subject="service", bar=0.98):
    values = turns(factor, shake=shake)
    return report.compared("connect", "kept connections", "requests_per_second", "1/s", subject, values, "direct", DIRECT, bar)


def added(factor=1.3):
    return report.added("connect", "tcp", "connect_median_added", "us", "service (2)", turns(factor, [5.0, 5.1, 4.9, 5.0, 5.2]), "direct",
                        [5.0, 5.1, 4.9, 5.0, 5.2], 1.5)


def change_median(value=5.0, apart=0.1):
    times = [value - apart, value, value, value, value + apart]
    return report.at_most("scale", "10,000 services", "change_median", "ms", "file to kernel", value, 20, spread=report.spread(times), turns=times)


def idle(value=0.01):
    return report.at_most("scale", "10,000 services", "idle_cpu", "%", "agent and worker", value, 0.2)


def run(*results, machine=None, failed=()):
    return report.Run(MACHINE | (machine or {}), list(results), list(failed))
