# SPDX-License-Identifier: Apache-2.0
"""Plots, and what a machine says that cannot draw them. Exit code 77: skipped, there is no matplotlib."""

import contextlib
import io
import pathlib
import sys
import tempfile
import unittest
import xml.etree.ElementTree
from unittest import mock

import sample

sys.path.insert(0, str(sample.TOP / "test/e2e"))

import cases
import main
import plots
import report

SVG = "{http://www.w3.org/2000/svg}"


class Plots(unittest.TestCase):
    def drawn(self, results):
        with tempfile.TemporaryDirectory() as directory:
            names = plots.draw(results, pathlib.Path(directory))
            return names, {path.name: path.read_bytes() for path in pathlib.Path(directory).iterdir()}

    def test_each_bench_has_an_svg_and_a_png_that_say_what_was_measured(self):
        results = report.read_json(sample.FILE).results
        names, files = self.drawn(results)
        self.assertEqual(names, ["connect", "scale"])
        self.assertEqual(sorted(files), ["connect.png", "connect.svg", "scale.png", "scale.svg"])
        for name in names:
            self.assertEqual(files[f"{name}.png"][:8], b"\x89PNG\r\n\x1a\n")
            picture = xml.etree.ElementTree.fromstring(files[f"{name}.svg"])
            self.assertEqual(picture.tag, f"{SVG}svg")
            texts = {"".join(one.itertext()).strip() for one in picture.iter(f"{SVG}text")}
            for one in results:
                if one.bench == name:
                    self.assertIn(plots.label(one), texts)

    def test_the_same_results_make_the_same_bytes(self):
        results = report.read_json(sample.FILE).results
        self.assertEqual(self.drawn(results), self.drawn(results))

    def test_a_bench_without_ratios_and_bars_has_no_plot(self):
        self.assertEqual(self.drawn([report.at_most("scale", "100 services", "first_load", "s", "agent", 0.1)]), ([], {}))

    def test_missed_bars_and_what_is_not_ours_have_colours_of_their_own(self):
        svg = self.drawn([sample.requests(0.9), sample.requests(0.99), sample.requests(0.5, subject="HAProxy TCP", bar=None)])[1]["connect.svg"].decode()
        for colour in (plots.MISSED, plots.OURS, plots.OTHER):
            self.assertIn(f"fill: {colour}", svg)


class Kept(unittest.TestCase):
    """All that follows the measurements."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        top = pathlib.Path(directory.name)
        self.kept, self.last = top / "docs/performance", top / "build/bench"
        for name, value in (("TOP", top), ("KEPT", self.kept), ("LAST", self.last)):
            patch = mock.patch.object(main, name, value)
            patch.start()
            self.addCleanup(patch.stop)
        quiet = (contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()))
        self.said = [self.enterContext(one) for one in quiet]

    def started(self, *arguments):
        with mock.patch.object(sys, "argv", ["bench.sh", *map(str, arguments)]):
            return main.main()

    def source(self, name, factor, benches=tuple(cases.CASES)):
        results = []
        for bench in benches:
            results.append(sample.requests(factor, bar=None))
            results[-1].bench = bench
        path = self.last.parents[1] / name
        report.write_json(path, sample.run(*results))
        return path

    def test_the_next_run_is_compared_with_what_was_kept(self):
        self.assertEqual(self.started("--from", self.source("first", 0.9), "--keep"), 0)
        self.assertEqual(sorted(path.name for path in self.kept.iterdir()),
                         sorted(["latest.jsonl", "results.md", *(f"{name}.{kind}" for name in cases.CASES for kind in ("svg", "png"))]))
        self.assertFalse(self.last.exists())
        self.assertEqual(self.started("--from", self.source("second", 0.7)), 4)
        self.assertIn("**WORSE**", (self.last / "results.md").read_text())
        self.assertNotIn("**WORSE**", (self.kept / "results.md").read_text())

    def test_a_run_without_some_case_takes_nothing_away(self):
        self.started("--from", self.source("first", 0.9), "--keep")
        before = (self.kept / "latest.jsonl").read_bytes()
        self.assertEqual(self.started("--from", self.source("second", 0.9, ["connect", "tls"]), "--keep"), 1)
        self.assertIn("not kept, as nothing is there of acceleration, balance", self.said[1].getvalue())
        self.assertEqual((self.kept / "latest.jsonl").read_bytes(), before)
        self.assertTrue((self.last / "connect.svg").exists())

    def test_plots_of_an_earlier_run_do_not_stay(self):
        for number, bench in enumerate(("tls", "tc")):
            self.started("--from", self.source(f"run{number}", 0.9, [bench]))
        self.assertEqual(sorted(path.name for path in self.last.iterdir()), ["latest.jsonl", "results.md", "tc.png", "tc.svg"])


class WithoutMatplotlib(unittest.TestCase):
    def test_a_clear_error_comes_before_anything_is_measured(self):
        with mock.patch.object(plots, "available", return_value=False), mock.patch.object(sys, "argv", ["bench.sh", "all"]), \
                mock.patch.object(main, "measured", side_effect=self.fail), mock.patch("sys.stderr") as stderr:
            self.assertEqual(main.main(), 2)
        said = "".join(call.args[0] for call in stderr.write.call_args_list)
        self.assertIn("scripts/install-dependencies.sh bench", said)


if __name__ == "__main__":
    if not plots.available():
        print("skipped: no matplotlib")
        sys.exit(77)
    unittest.main()
