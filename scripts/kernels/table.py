#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What guests have said (scripts/kernels/init), as a table: kernel by feature. Exit status 1: something failed or is missing."""

import collections
import json
import pathlib
import sys


def parse(path):
    """Lines of a guest by their first word; those of tests by their name, and the outcomes of end-to-end tests."""
    found, tests, e2e = {}, {}, {}
    for line in path.read_text(errors="replace").splitlines() if path.exists() else []:
        if not line.startswith("@@ "):
            continue
        word, _, rest = line[3:].strip().partition(" ")
        if word == "test":
            name, status, *counts = rest.split()
            tests[name] = (int(status), *map(int, counts))
        elif word == "e2e":
            outcome, _, name = rest.split(" ", 2)
            e2e[name] = "failed" if "failed" in (outcome, e2e.get(name)) else outcome
        else:
            found[word] = rest
    return found, tests, e2e


def read_json(text):
    try:
        return json.loads(text)
    except (json.JSONDecodeError, TypeError):
        return None


def test_cell(result):
    status, passed, failed, skipped = result
    return f"{passed} passed" + (f", {failed} failed" if failed else "") + (f", {skipped} skipped" if skipped else "") + (
        f", status {status}" if status and not failed else "")


def e2e_cell(outcomes, status):
    """A test may have failed more than once, with its clean-up, and counts once. The status is that of pytest."""
    counts = collections.Counter(outcomes.values())
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in ("passed", "failed", "skipped") if counts[outcome]) + {
        "0": "", "1": ""}.get(status, f", not to the end (status {status})")


def feature_rows(text):
    """What the agent said of the features of this kernel: used or what instead, and why."""
    return {f"`{row['name']}`": row["state"] + (f": {row['detail']}" if row.get("detail") and row["state"] != "used" else "")
            for row in (read_json(text) or {}).get("features", [])}


def rows(path):
    """Of one kernel: feature and what was seen; and whether all is well."""
    found, tests, e2e = parse(path)
    has_agent = "agent" in found or "ktls" not in found  # `--tier tls` alone has none
    well = "end" in found and all(status == 0 for status, *_ in tests.values()) and (not has_agent or found.get("agent") == "0")
    table = {"kernel": found.get("kernel", path.stem)}
    table |= {name: test_cell(result) for name, result in tests.items()}
    if "ktls" in found:
        table["kernel TLS"] = found["ktls"]
    if not has_agent:
        return table, well
    table["agent"] = "runs" if found.get("agent") == "0" else "does not start"
    acceleration = read_json(found.get("acceleration"))
    if acceleration:
        failed = [check["name"] for check in acceleration.get("selftest", {}).get("checks", []) if not check["passed"]]
        table |= {"short way": acceleration.get("mode", "?"), "accounting": acceleration.get("accounting", "?"),
                  "FIONREAD": acceleration.get("fionread", "?"), "self-test": "failed: " + ", ".join(failed) if failed else "passed"}
    if "stress" in found:
        status, _, text = found["stress"].partition(" ")
        outcome = read_json(text) or {}
        flaws = {name: outcome.get(name) for name in ("wrong", "stalls", "hangs") if outcome.get(name)}
        table["stress"] = f"{outcome.get('connections', 0)} connections, " + (
            ", ".join(f"{count} {name}" for name, count in flaws.items()) or "flawless" if outcome else "no result")
        well = well and status == "0"
    if e2e or "e2e-status" in found:
        table["e2e"] = e2e_cell(e2e, found.get("e2e-status", "none"))
        well = well and found.get("e2e-status") == "0"
    table |= feature_rows(found.get("features"))
    status, _, left = found.get("unload", "1 ?").partition(" ")
    table["unload"] = "leaves nothing" if (status, left) == ("0", "0") else f"status {status}, {left} pins left"
    return table, well and table["unload"] == "leaves nothing"


def main():
    results = [rows(pathlib.Path(name)) for name in sys.argv[1:]]
    features = list(dict.fromkeys(feature for table, _ in results for feature in table))
    for feature in features:
        cells = [table.get(feature, "-") for table, _ in results]
        print("| " + " | ".join([feature, *cells]) + " |")
        if feature == "kernel":
            print("| --- " * (len(cells) + 1) + "|")
    return 0 if results and all(well for _, well in results) else 1


if __name__ == "__main__":
    sys.exit(main())
