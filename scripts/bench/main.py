# SPDX-License-Identifier: Apache-2.0
"""Measures, prints a table for each case and says whether every bar was met. Started by scripts/bench.sh."""

import argparse
import pathlib
import sys
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "test/e2e")]

import case_acceleration  # noqa: E402
import case_balance  # noqa: E402
import case_connect  # noqa: E402
import case_health  # noqa: E402
import case_registry  # noqa: E402
import case_scale  # noqa: E402
import case_tc  # noqa: E402
import case_tls  # noqa: E402
import machine  # noqa: E402
import report  # noqa: E402
from harness.place import build_directory, remove_copies  # noqa: E402

CASES = {case.NAME: case for case in (case_acceleration, case_balance, case_connect, case_health, case_registry, case_scale, case_tc, case_tls)}
PARTS = {name: list(getattr(case, "PARTS", ())) for name, case in CASES.items()}


def note(text):
    print(f"   {text}", file=sys.stderr, flush=True)


def measure(name, parts, failed):
    """What was measured before a failure counts, and the other cases go on."""
    results = []
    try:
        for result in CASES[name].run_case(note, *([parts] if parts else [])):
            results.append(result)
    except Exception:
        traceback.print_exc()
        failed.append(name)
    return results


def main():
    parser = argparse.ArgumentParser(prog="bench.sh", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to measure: " + ", ".join(
        f"{name} (or a part of it: {', '.join(f'{name}/{part}' for part in parts)})" if parts else name
        for name, parts in PARTS.items()) + "; all when none is named")
    parser.add_argument("--json", metavar="FILE", help="write one JSON object a line: the machine, then each result")
    parser.add_argument("--force", action="store_true", help="measure although something else is using the machine")
    arguments = parser.parse_args()
    wanted = {}
    for name in arguments.names or CASES:
        case, _, part = name.partition("/")
        if case not in CASES or (part and part not in PARTS[case]):
            parser.error(f"no measurement is called {name}: see --help")
        wanted.setdefault(case, []).extend([part] if part else PARTS[case])

    if not arguments.force and (share := machine.wait_for_quiet()) is not None:
        print(f"bench.sh: {share:.0%} of the machine's CPU time is used by something else; wait, or measure with --force", file=sys.stderr)
        return 3
    described = machine.description(build_directory() / "meshctl")
    print(f"{described['kernel']}, {described['cpus']} x {described['cpu']}, commit {described['commit']}")
    results, failed = [], []
    try:
        for name, parts in wanted.items():
            print(f"\n== {name}", flush=True)
            found = measure(name, parts, failed)
            print(report.table(found), flush=True)
            results += found
    finally:
        remove_copies()
        if arguments.json:
            report.write_json(arguments.json, described, results)
    missed = [one for one in results if one.passed is False]
    print(f"\n{sum(one.passed is True for one in results)} bars met, {len(missed)} missed"
          + "".join(f", {name} FAILED" for name in failed))
    return 1 if missed or failed else 0


if __name__ == "__main__":
    sys.exit(main())
