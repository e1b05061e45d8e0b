# SPDX-License-Identifier: Apache-2.0
"""A run as a page of Markdown: the machine, what changed since the run that was kept before it, and a plot and a table for each bench."""

import os
import pathlib

import comparison
from report import HEADINGS, cells

METHOD = pathlib.Path(__file__).resolve().parents[2] / "docs/performance.md"

HEAD = """\
# Results

Written by `scripts/bench.sh` from `{data}`: do not edit. [performance.md]({method}) says how each figure is measured, what the bars are, and what is
known of those that are missed. Ratios are comparable between machines, absolute values are not. *± spread* is half the distance between the quartiles of the turns.
"""
MACHINE = (("CPU", "cpu"), ("CPUs", "cpus"), ("cores", "cores"), ("memory, MB", "memory_mb"), ("architecture", "architecture"),
           ("virtualization", "virtualization"), ("frequency governor", "governor"), ("kernel", "kernel"), ("distribution", "distribution"), ("commit", "commit"), ("time", "time"))


def _table(rows):
    def line(row):
        return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |"
    return [line(rows[0]), line(["---"] * len(rows[0])), *map(line, rows[1:]), ""]


def _machine(described):
    rows = [("machine", ""), *((name, described.get(key, "")) for name, key in MACHINE)]
    return _table(rows + [(name, version or "not there") for name, version in sorted(described["versions"].items())])


def _changes(found):
    if found is None:
        return ["There was no earlier result to compare with.", ""]
    lines = [f"- {sentence}" for sentence in comparison.summary(found)] + [""]
    if found.worse or found.better:
        rows = comparison.rows(found)
        lines += _table([("what", *rows[0][1:]), *((f"**{row[0]}**" if row[0] == "WORSE" else row[0], *row[1:]) for row in rows[1:])])
    return lines


def _bold_no(row):
    return (*row[:-1], "**no**" if row[-1] == "NO" else row[-1])


def write(path, run, drawn, found, data):
    """`drawn`: benches whose plots lie beside the page; `found`: the Comparison, or None; `data`: name of the JSON beside the page."""
    lines = [HEAD.format(data=data, method=os.path.relpath(METHOD, path.parent)), *_machine(run.machine)]
    met = sum(one.passed is True for one in run.results)
    lines += [f"{met} bars met, {len(run.missed)} missed." + (f" **Failed, so not complete: {', '.join(run.failed)}.**" if run.failed else ""), ""]
    lines += ["## Since the run before", "", *_changes(found)]
    for name in dict.fromkeys(one.bench for one in run.results):
        lines += [f"## {name}", ""]
        if name in drawn:
            lines += [f"![{name}: ratios to the peer, and parts of the bar]({name}.svg)", ""]
        lines += _table([HEADINGS, *(_bold_no(cells(one)) for one in run.results if one.bench == name)])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines).rstrip("\n") + "\n", encoding="utf-8")
