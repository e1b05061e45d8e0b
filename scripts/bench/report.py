# SPDX-License-Identifier: Apache-2.0
"""Results as values, and their two forms: a table for people, one JSON object a line for everything else."""

import dataclasses
import json
import statistics


@dataclasses.dataclass
class Result:
    bench: str
    case: str
    metric: str
    unit: str
    subject: str
    value: float
    peer: str | None = None
    peer_value: float | None = None
    ratio: float | None = None
    bar: float | None = None
    passed: bool | None = None  # None: there is no bar
    spread: float | None = None  # half the distance between the quartiles of the turns, in the unit; not in the JSON form

    def line(self):
        return {"bench": self.bench, "case": self.case, "metric": self.metric, "unit": self.unit, "subject": self.subject, "peer": self.peer,
                "value": _round(self.value), "peer_value": _round(self.peer_value), "ratio": _round(self.ratio), "bar": self.bar,
                "pass": self.passed}


def _round(number):
    return None if number is None else float(f"{number:.6g}")


def spread(values):
    if len(values) < 4:
        return (max(values) - min(values)) / 2
    low, _, high = statistics.quantiles(values, n=4)
    return (high - low) / 2


def at_most(bench, case, metric, unit, subject, value, bar=None, **more):
    return Result(bench, case, metric, unit, subject, value, bar=bar, passed=None if bar is None else value <= bar, **more)


def added(bench, case, metric, unit, subject, values, peer, peer_values, bar=None):
    """How much more than its peer the subject costs, turn by turn. The value is the difference, the ratio that of the two medians."""
    differences = [mine - other for mine, other in zip(values, peer_values)]
    value = statistics.median(differences)
    return at_most(bench, case, metric, unit, subject, value, bar, peer=peer, peer_value=statistics.median(peer_values),
                   ratio=statistics.median(values) / statistics.median(peer_values), spread=spread(differences))


def compared(bench, case, metric, unit, subject, values, peer, peer_values, least_ratio=None):
    """Both in the unit; the bar, where there is one, is the least ratio (the median of the turns' ratios)."""
    ratio = statistics.median(mine / other for mine, other in zip(values, peer_values))
    return Result(bench, case, metric, unit, subject, statistics.median(values), peer, statistics.median(peer_values), ratio, least_ratio,
                  None if least_ratio is None else ratio >= least_ratio, spread(values))


HEADINGS = ("case", "metric", "subject", "value", "± spread", "peer", "peer value", "ratio", "bar", "met")


def _number(value, unit=""):
    return "" if value is None else f"{value:,.3f}".rstrip("0").rstrip(".") + (f" {unit}" if unit else "")


def table(results):
    rows = [HEADINGS]
    for one in results:
        rows.append((one.case, one.metric, one.subject, _number(one.value, one.unit), _number(one.spread), one.peer or "",
                     _number(one.peer_value, one.unit), _number(one.ratio), _number(one.bar),
                     "" if one.passed is None else "yes" if one.passed else "NO"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def write_json(path, machine, results):
    with open(path, "w", encoding="utf-8") as file:
        for line in ({"machine": machine}, *(one.line() for one in results)):
            file.write(json.dumps(line) + "\n")
