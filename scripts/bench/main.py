# SPDX-License-Identifier: Apache-2.0
"""Measures, prints a table for each case and says whether every bar was met. Started by scripts/bench.sh."""

import argparse
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "test/e2e")]

import case_acceleration  # noqa: E402
import case_connect  # noqa: E402
import case_scale  # noqa: E402
import case_tc  # noqa: E402
import machine  # noqa: E402
import report  # noqa: E402
from harness.place import build_directory, remove_copies  # noqa: E402

CASES = {case.NAME: case for case in (case_acceleration, case_connect, case_scale, case_tc)}


def note(text):
    print(f"   {text}", file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(prog="bench.sh", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what to measure: {', '.join(CASES)}; all when none is named")
    parser.add_argument("--json", metavar="FILE", help="write one JSON object a line: the machine, then each result")
    parser.add_argument("--force", action="store_true", help="measure although something else is using the machine")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.names if name not in CASES]:
        parser.error(f"no measurement is called {', '.join(unknown)}: there are {', '.join(CASES)}")

    if not arguments.force and (share := machine.wait_for_quiet()) is not None:
        print(f"bench.sh: {share:.0%} of the machine's CPU time is used by something else; wait, or measure with --force", file=sys.stderr)
        return 3
    described = machine.description(build_directory() / "meshctl")
    print(f"{described['kernel']}, {described['cpus']} x {described['cpu']}, commit {described['commit']}")
    results = []
    try:
        for name in arguments.names or CASES:
            print(f"\n== {name}", flush=True)
            found = CASES[name].run_case(note)
            print(report.table(found), flush=True)
            results += found
    finally:
        remove_copies()
        if arguments.json:
            report.write_json(arguments.json, described, results)
    missed = [one for one in results if one.passed is False]
    print(f"\n{sum(one.passed is True for one in results)} bars met, {len(missed)} missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
