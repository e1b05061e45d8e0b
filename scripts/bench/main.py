# SPDX-License-Identifier: Apache-2.0
"""Measures, prints a table for each case, says whether every bar was met and what got worse since the result that is kept in the
repository, and writes a page with plots. Started by scripts/bench.sh."""

import argparse
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
sys.path[:0] = [str(HERE), str(TOP / "test/e2e")]

import cases  # noqa: E402
import comparison  # noqa: E402
import machine  # noqa: E402
import page  # noqa: E402
import plots  # noqa: E402
import report  # noqa: E402
from harness.place import build_directory, remove_copies  # noqa: E402

KEPT, LAST = TOP / "docs/performance", TOP / "build/bench"
DATA, PAGE = "latest.jsonl", "results.md"
EPILOG = f"""exit status: 0 every bar was met and nothing got worse; 1 a bar was missed or a measurement failed; 2 usage, or a file that cannot be read;
3 the machine is busy with something else; 4 a figure got worse than in the kept result (with --compare: than in OLD) by more than {comparison.LIMIT:.0%}
and by more than both vary from turn to turn, whatever else happened. Ratios to a peer are compared; where there is none the value is, if
both were measured on the same kind of machine and kernel."""


def note(text):
    print(f"   {text}", file=sys.stderr, flush=True)


def fail(text):
    print(f"bench.sh: {text}", file=sys.stderr)
    return 2


def parse():
    parser = argparse.ArgumentParser(prog="bench.sh", description=__doc__, epilog=EPILOG)
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to measure: " + ", ".join(
        f"{name} (or a part of it: {', '.join(f'{name}/{part}' for part in parts)})" if parts else name
        for name, parts in cases.PARTS.items()) + f", or {cases.ALL}, which is what none means")
    parser.add_argument("--json", metavar="FILE", type=pathlib.Path, help="also write one JSON object a line there: the machine, then each result")
    parser.add_argument("--force", action="store_true", help="measure although something else is using the machine")
    parser.add_argument("--keep", action="store_true", help="write result, page and plots into docs/performance/, for the next runs to be compared "
                        "with; without it they are in build/bench/. Only for all cases")
    parser.add_argument("--from", dest="source", metavar="FILE", type=pathlib.Path, help="do not measure: take the results of an earlier run")
    parser.add_argument("--compare", nargs=2, metavar=("OLD", "NEW"), type=pathlib.Path, help="do not measure: compare the results of two runs")
    parser.add_argument("--no-plots", action="store_true", help="draw nothing; needs no matplotlib")
    arguments = parser.parse_args()
    if arguments.names and (arguments.source or arguments.compare):
        parser.error("--from and --compare measure nothing: give no NAME with them")
    if arguments.source and arguments.compare:
        parser.error("give --from or --compare, not both")
    if arguments.compare and (arguments.keep or arguments.json):
        parser.error("--compare writes nothing: leave out --keep and --json")
    if arguments.keep and arguments.no_plots:
        parser.error("a result is kept with its plots: leave out --no-plots")
    try:
        arguments.wanted = cases.chosen(arguments.names)
    except KeyError as error:
        parser.error(f"no measurement is called {error.args[0]}: see --help")
    if arguments.keep and arguments.wanted != cases.chosen([]):
        parser.error("only a run of all cases is kept, or what was kept of the others would be lost: give no NAME, or all")
    return arguments


def show(run):
    described = run.machine
    print(f"{described['kernel']}, {described['cpus']} x {described['cpu']}, commit {described['commit']}")


def measured(wanted):
    run = report.Run(machine.description(build_directory() / "meshctl"), [])
    show(run)
    try:
        for name, parts in wanted.items():
            print(f"\n== {name}", flush=True)
            found = cases.measure(name, parts, note, run.failed)
            print(report.table(found), flush=True)
            run.results += found
    except KeyboardInterrupt:
        run.failed.append(f"{name}, interrupted,")
    finally:
        remove_copies()
    return run


def write(run, found, directory, with_plots):
    for plot in (*directory.glob("*.svg"), *directory.glob("*.png")):
        plot.unlink()  # one of a bench that is not measured now would be of another run
    report.write_json(directory / DATA, run)
    page.write(directory / PAGE, run, plots.draw(run.results, directory) if with_plots else [], found, DATA)
    print(f"written: {directory.relative_to(TOP)}/{PAGE}, {DATA}" + (", plots" if with_plots else ""))


def compared_files(old, new):
    found = comparison.compare(report.read_json(old), report.read_json(new))
    print(comparison.text(found))
    return 4 if found.worse else 0


def finish(run, kept, arguments):
    """All that follows the measurements."""
    if arguments.json:
        report.write_json(arguments.json, run)
    met = sum(one.passed is True for one in run.results)
    print(f"\n{met} bars met, {len(run.missed)} missed" + "".join(f", {name} FAILED" for name in run.failed))
    found = comparison.compare(kept, run) if kept else None
    print(comparison.text(found) if found else f"nothing to compare with: no result is kept in {KEPT.relative_to(TOP)}/ yet (--keep)")
    lost = sorted(set(cases.CASES) - {one.bench for one in run.results})
    write(run, found, KEPT if arguments.keep and not lost else LAST, not arguments.no_plots)
    if arguments.keep and lost:
        print(f"bench.sh: not kept, as nothing is there of {', '.join(lost)}: what was kept of it would be lost", file=sys.stderr)
    if found and found.worse:
        return 4
    return 1 if run.missed or run.failed or (arguments.keep and lost) else 0


def main():
    arguments = parse()
    try:
        if arguments.compare:
            return compared_files(*arguments.compare)
        if not arguments.no_plots and not plots.available():
            return fail(plots.MISSING)
        kept = report.read_json(KEPT / DATA) if (KEPT / DATA).exists() else None
        earlier = report.read_json(arguments.source) if arguments.source else None
    except report.Unreadable as error:
        return fail(error)
    if earlier:
        show(earlier)
        return finish(earlier, kept, arguments)
    if not arguments.force and (share := machine.wait_for_quiet()) is not None:
        print(f"bench.sh: {share:.0%} of the machine's CPU time is used by something else; wait, or measure with --force", file=sys.stderr)
        return 3
    return finish(measured(arguments.wanted), kept, arguments)


if __name__ == "__main__":
    sys.exit(main())
