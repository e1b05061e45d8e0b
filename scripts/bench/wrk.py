# SPDX-License-Identifier: Apache-2.0
"""Requests over HTTP, as fast as one CPU makes them."""

from harness.process import run


def requests_per_second(cpu, url, enter, seconds, *options):
    answer = run("taskset", "--cpu-list", cpu, "wrk", "--threads", 1, "--connections", 16, "--duration", f"{seconds}s", *options, url,
                 preexec_fn=enter, timeout=seconds + 30)
    for line in answer.stdout.splitlines():
        if line.startswith("Requests/sec:"):
            assert "Non-2xx" not in answer.stdout, answer.stdout
            return float(line.split()[1])
    raise AssertionError(f"wrk said nothing that is understood:\n{answer.stdout}{answer.stderr}")
