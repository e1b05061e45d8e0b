# SPDX-License-Identifier: Apache-2.0
"""Results as values, and their two forms: a table for people, one JSON object a line for everything else."""

import dataclasses
import json
import math
import statistics

RATES = {"1/s", "MB/s", "Gbit/s", "Gbit"}  # of these more is better; of times, memory, CPU and failures less


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
    spread: float | None = None  # half the distance between the quartiles of the turns, in the unit
    bar_of: str = "ratio"        # or "value"
    turns: list | None = None    # what each turn found; in the same turns the peer's
    peer_turns: list | None = None

    @property
    def key(self):
        """What stays the same from run to run."""
        return self.bench, self.case, self.metric, self.subject, self.peer

    @property
    def more_is_better(self):
        return self.unit in RATES

    def line(self):
        return {"bench": self.bench, "case": self.case, "metric": self.metric, "unit": self.unit, "subject": self.subject, "peer": self.peer,
                "value": _round(self.value), "peer_value": _round(self.peer_value), "ratio": _round(self.ratio), "spread": _round(self.spread),
                "bar": _round(self.bar), "bar_of": self.bar_of, "pass": self.passed, "better": "more" if self.more_is_better else "less",
                "turns": _rounded(self.turns), "peer_turns": _rounded(self.peer_turns)}

    @classmethod
    def from_line(cls, line):
        """The inverse. A value that is null was beyond all bounds."""
        fields = {name: line[name] for name in ("bench", "case", "metric", "unit", "subject", "peer", "peer_value", "ratio", "spread", "bar", "bar_of",
                                                "turns", "peer_turns")}
        return cls(value=math.inf if line["value"] is None else line["value"], passed=line["pass"], **fields)


def _round(number):
    """Six digits; JSON has no infinity."""
    return None if number is None or not math.isfinite(number) else float(f"{number:.6g}")


def _rounded(values):
    return None if values is None else [_round(value) for value in values]


def spread(values):
    if len(values) < 4:
        return (max(values) - min(values)) / 2
    low, _, high = statistics.quantiles(values, n=4)
    return (high - low) / 2


def at_most(bench, case, metric, unit, subject, value, bar=None, **more):
    return Result(bench, case, metric, unit, subject, value, bar=bar, passed=None if bar is None else value <= bar, bar_of="value",
                  **more)


def added(bench, case, metric, unit, subject, values, peer, peer_values, bar=None):
    """How much more than its peer the subject costs, turn by turn. The value is the difference, the ratio that of the two medians."""
    differences = [mine - other for mine, other in zip(values, peer_values)]
    value = statistics.median(differences)
    return at_most(bench, case, metric, unit, subject, value, bar, peer=peer, peer_value=statistics.median(peer_values),
                   ratio=statistics.median(values) / statistics.median(peer_values), spread=spread(differences), turns=values,
                   peer_turns=peer_values)


def compared(bench, case, metric, unit, subject, values, peer, peer_values, least_ratio=None):
    """Both in the unit; the bar, where there is one, is the least ratio (the median of the turns' ratios)."""
    ratio = statistics.median(mine / other for mine, other in zip(values, peer_values))
    return Result(bench, case, metric, unit, subject, statistics.median(values), peer, statistics.median(peer_values), ratio, least_ratio,
                  None if least_ratio is None else ratio >= least_ratio, spread(values), turns=values, peer_turns=peer_values)


HEADINGS = ("case", "metric", "subject", "value", "± spread", "peer", "peer value", "ratio", "bar", "met")


def _number(value, unit=""):
    return "" if value is None else f"{value:,.3f}".rstrip("0").rstrip(".") + (f" {unit}" if unit else "")


def cells(one):
    """A result in the order of HEADINGS."""
    return (one.case, one.metric, one.subject, _number(one.value, one.unit), _number(one.spread), one.peer or "", _number(one.peer_value, one.unit),
            _number(one.ratio), _number(one.bar), "" if one.passed is None else "yes" if one.passed else "NO")


def aligned(rows):
    """The first row is the headings."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def table(results):
    return aligned([HEADINGS, *map(cells, results)])


@dataclasses.dataclass
class Run:
    """All that one start of bench.sh found."""
    machine: dict
    results: list
    failed: list = dataclasses.field(default_factory=list)  # names of cases, or of their parts

    @property
    def missed(self):
        return [one for one in self.results if one.passed is False]


def write_json(path, run):
    head = {"machine": run.machine, "failed": run.failed}
    lines = [json.dumps(line, allow_nan=False) for line in (head, *(one.line() for one in run.results))]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


class Unreadable(Exception):
    """A file that is no result of bench.sh."""


def read_json(path):
    number = 0
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        head = json.loads(lines[0])
        for name in ("cpu", "cpus", "kernel", "memory_mb", "commit", "time", "versions"):
            head["machine"][name]  # a KeyError says which is missing
        results = []
        for number, line in enumerate(lines[1:], 1):
            results.append(Result.from_line(json.loads(line)))
        return Run(head["machine"], results, head["failed"])
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise Unreadable(f"{path}:{number + 1}: not as `bench.sh --json` writes it ({type(error).__name__}: {error}); measure again") from error
