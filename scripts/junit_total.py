#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Adds up JUnit reports: prints every test that failed and how, then `N passed, N failed, N skipped` as the last line."""

import sys
import xml.etree.ElementTree


REASON_LINES = 12  # of each failure: enough for the assertion and its values, and the list stays one to read


def reason(case):
    """The first lines of what the report says of a failure: its message, or what the test printed where that says nothing."""
    found = [case.find(kind) for kind in ("failure", "error")]
    texts = [part.get("message") or part.text or "" for part in found if part is not None]
    lines = [line for text in texts for line in text.splitlines() if line.strip()]
    return [f"    {line[:300]}" for line in lines[:REASON_LINES]]


def outcome(case):
    if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
        return "failed"
    if case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
        return "skipped"
    return "passed"


def main():
    total = {"passed": 0, "failed": 0, "skipped": 0}
    for path in sys.argv[1:]:
        try:
            cases = list(xml.etree.ElementTree.parse(path).iter("testcase"))
        except (OSError, xml.etree.ElementTree.ParseError) as error:
            print(f"FAILED {path}: {error}")
            total["failed"] += 1
            continue
        for case in cases:
            result = outcome(case)
            total[result] += 1
            if result != "passed":
                print("\n".join([f"{result.upper()} {case.get('classname', '')} {case.get('name', '')}", *reason(case)]))
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**total))
    return 1 if total["failed"] or not total["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
