# SPDX-License-Identifier: Apache-2.0
"""Two runs beside each other: which figures got worse by more than a tenth, and by more than they vary from turn to turn."""

import dataclasses
import math

from report import aligned, spread

LIMIT = 0.10
SAME = ("cpu", "cpus", "architecture", "kernel", "virtualization", "governor")  # what absolute values depend on
MEMORY_SLACK = 0.05
# Measured beside what is ours: that they change says something about the machine, not about this code.
OTHERS = {"direct", "no programs again", "bare client", "client"}
OTHERS_PREFIXES = ("HAProxy TCP", "HAProxy leastconn", "HAProxy random", "HAProxy pair", "nginx pair", "nftables")


def is_ours(subject):
    return subject not in OTHERS and not subject.startswith(OTHERS_PREFIXES)


def same_machine(one, other):
    if any(one.get(key) != other.get(key) for key in SAME):
        return False
    sizes = sorted((one["memory_mb"], other["memory_mb"]))
    return sizes[1] - sizes[0] <= sizes[1] * MEMORY_SLACK


@dataclasses.dataclass
class Change:
    result: object  # the new one
    what: str       # "ratio" or the unit
    old: float
    new: float

    @property
    def percent(self):
        return math.inf if self.new == math.inf else (self.new - self.old) / abs(self.old) * 100

    @property
    def worse(self):
        return (self.new < self.old) == self.result.more_is_better


@dataclasses.dataclass
class Comparison:
    old: dict  # both machines
    new: dict
    same: bool
    worse: list
    better: list
    compared: int = 0
    gone: list = dataclasses.field(default_factory=list)  # keys of what was measured and no longer is, in cases that were


def _ratio_spread(result):
    pairs = [(mine, other) for mine, other in zip(result.turns or (), result.peer_turns or ()) if mine is not None and other]
    return spread([mine / other for mine, other in pairs]) if pairs else 0.0


def _noise(old, new, of):
    """How far the two may be apart by chance alone."""
    if of == "ratio":
        return _ratio_spread(old) + _ratio_spread(new)
    if old.spread is not None and new.spread is not None:
        return old.spread + new.spread
    # Measured once: what is far below its bar may vary by more than a tenth of itself.
    return LIMIT * new.bar if new.bar is not None and new.bar_of == "value" else 0.0


def _change(old, new, same):
    """None where the two cannot be compared: values of different machines, or parts of nothing."""
    if old.ratio and new.ratio is not None:
        return Change(new, "ratio", old.ratio, new.ratio)
    if same and old.ratio is None and new.ratio is None and old.unit == new.unit and old.value > 0 and math.isfinite(old.value):
        return Change(new, new.unit, old.value, new.value)
    return None


def compare(old, new):
    """Of what has a ratio the ratio counts, since both sides met the same machine in the same minute; the value of all else, where the
    machine is the same."""
    known = {one.key: one for one in old.results}
    found = Comparison(old.machine, new.machine, same_machine(old.machine, new.machine), [], [])
    for one in new.results:
        before = known.pop(one.key, None)
        change = _change(before, one, found.same) if before and is_ours(one.subject) else None
        if change is None:
            continue
        found.compared += 1
        apart = abs(change.new - change.old)
        if apart > LIMIT * abs(change.old) and apart > _noise(before, one, "ratio" if change.what == "ratio" else "value"):
            (found.worse if change.worse else found.better).append(change)
    cases = {(one.bench, one.case) for one in new.results}
    found.gone = [key for key in known if key[:2] in cases and is_ours(key[3])]
    return found


HEADINGS = ("", "bench", "case", "metric", "subject", "peer", "was", "is", "change")


def cells(change, word):
    """A change in the order of HEADINGS."""
    one, unit = change.result, "" if change.what == "ratio" else f" {change.what}"
    return (word, one.bench, one.case, one.metric, one.subject, one.peer or "", f"{change.old:.4g}{unit}", f"{change.new:.4g}{unit}",
            f"{change.percent:+.0f} %")


def rows(found):
    return [HEADINGS, *(cells(one, "WORSE") for one in found.worse), *(cells(one, "better") for one in found.better)]


def summary(found):
    """Sentences, without the table of what changed."""
    yield (f"{found.compared} figures compared with those of commit {found.old['commit']}, {found.old['time']}: {len(found.worse)} worse, "
           f"{len(found.better)} better by more than {LIMIT:.0%} and by more than they vary")
    if not found.same:
        yield "another machine or kernel: ratios were compared, absolute values were not"
    if found.gone:
        yield f"{len(found.gone)} figures were measured then and are not now: " + "; ".join(", ".join(filter(None, key)) for key in found.gone)


def text(found):
    lines = list(summary(found))
    if found.worse or found.better:
        lines.append(aligned(rows(found)))
    return "\n".join(lines)
