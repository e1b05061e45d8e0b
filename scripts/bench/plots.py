# SPDX-License-Identifier: Apache-2.0
"""A plot for each bench, as PNG and SVG: ratios to the peer, and values as parts of their bars. The same results make the same bytes."""

import importlib.util
import math

from comparison import is_ours

MISSING = "no matplotlib to draw plots with: `scripts/install-dependencies.sh bench` installs it, or leave the plots out with --no-plots"
# Seen on white and on black alike; blue and orange also by those who do not tell red from green.
TEXT, OURS, MISSED, OTHER = "#777777", "#3b82c4", "#d9730d", "#9a9a9a"
ROW_INCHES, WIDTH_INCHES, MARGIN_INCHES = 0.24, 11.0, 1.1
WIDE = 8  # lengths further apart than that need a logarithmic axis


def available():
    return importlib.util.find_spec("matplotlib") is not None


def label(one):
    """The arrow says which direction is the better one."""
    return f"{one.case} · {one.metric} {'↑' if one.more_is_better else '↓'} · {one.subject}" + (f" / {one.peer}" if one.peer else "")


def ratio_rows(results):
    """Result, length of the stripe, and where the bar stands if it is one of the ratio."""
    return [(one, one.ratio, one.bar if one.bar_of == "ratio" else None) for one in results
            if one.ratio is not None and one.ratio > 0 and math.isfinite(one.ratio)]


def share_rows(results):
    return [(one, max(0.0, one.value / one.bar), None) for one in results
            if one.bar and one.bar_of == "value" and math.isfinite(one.value)]


def _colour(one):
    return MISSED if one.passed is False else OURS if is_ours(one.subject) else OTHER


def _axes(axes, rows, title, logarithmic):
    places = range(len(rows))
    start = 1 if logarithmic else 0  # a logarithmic axis has no zero to begin at
    axes.barh(places, [length - start for _, length, _ in rows], left=start, color=[_colour(one) for one, _, _ in rows], height=0.62)
    axes.set_yticks(places, [label(one) for one, _, _ in rows])
    axes.invert_yaxis()
    axes.margins(y=0.01)
    if logarithmic:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.xaxis.set_minor_formatter(lambda value, _: "")
    axes.axvline(1, color=TEXT, linewidth=0.9, linestyle="--")
    for place, (_, length, bar) in zip(places, rows):
        if bar is not None:
            axes.plot([bar, bar], [place - 0.42, place + 0.42], color=TEXT, linewidth=2.2)
        axes.text(1.01, place, f"{length:.3g}", transform=axes.get_yaxis_transform(), va="center", fontsize=7.5, color=TEXT)
    axes.set_title(title, loc="left", fontsize=9.5, color=TEXT)
    axes.tick_params(colors=TEXT, labelsize=8, length=2)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(TEXT)


def _figure(name, results):
    """None when nothing of the bench is a ratio or has a bar."""
    from matplotlib.figure import Figure  # not at the top: who only compares needs none

    colours = "orange: bar missed, grey: not ours"
    panels = [(ratio_rows(results), f"{name}: ratio to the peer (dashed: equal, thick: the bar; {colours})"),
              (share_rows(results), f"{name}: part of the bar (dashed: the bar, less is better; {colours})")]
    panels = [(rows, title) for rows, title in panels if rows]
    if not panels:
        return None
    heights = [len(rows) * ROW_INCHES + MARGIN_INCHES for rows, _ in panels]
    figure = Figure(figsize=(WIDTH_INCHES, sum(heights)), layout="constrained")
    for axes, (rows, title) in zip(figure.subplots(len(panels), 1, height_ratios=heights, squeeze=False)[:, 0], panels):
        lengths = [length for _, length, _ in rows]
        _axes(axes, rows, title, logarithmic=min(lengths) > 0 and max(lengths) > WIDE * min(lengths))
    return figure


def draw(results, directory):
    """Writes BENCH.svg and BENCH.png for each bench; returns the benches that have them."""
    import matplotlib

    directory.mkdir(parents=True, exist_ok=True)
    drawn = []
    with matplotlib.rc_context({"svg.hashsalt": "meshd", "svg.fonttype": "none", "font.family": "DejaVu Sans"}):
        for name in dict.fromkeys(one.bench for one in results):
            figure = _figure(name, [one for one in results if one.bench == name])
            if figure is None:
                continue
            figure.savefig(directory / f"{name}.svg", transparent=True, metadata={"Date": None, "Creator": None})
            figure.savefig(directory / f"{name}.png", transparent=True, dpi=110, metadata={"Software": None})
            drawn.append(name)
    return drawn
