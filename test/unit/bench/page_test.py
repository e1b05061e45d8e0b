# SPDX-License-Identifier: Apache-2.0
"""The page that is made of a run, and what goes on when a case fails."""

import io
import contextlib
import pathlib
import sys
import tempfile
import types
import unittest

import sample
from sample import run

sys.path.insert(0, str(sample.TOP / "test/e2e"))

import cases
import comparison
import page
import report


def written(found=None):
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "results.md"
        page.write(path, report.read_json(sample.FILE), ["connect"], found, "latest.jsonl")
        return path.read_text(encoding="utf-8")


class Page(unittest.TestCase):
    def test_has_the_machine_the_plots_and_a_row_for_each_result(self):
        text = written()
        for part in ("| CPU | A processor |", "| virtualization | kvm |", "| wrk | not there |", "](connect.svg)", "Failed, so not complete: registry/consul",
                     "| kept connections | requests_per_second | service | 900 1/s | 6.75 | direct | 1,000 1/s | 0.9 | 0.98 | **no** |",
                     "There was no earlier result"):
            self.assertIn(part, text)
        self.assertNotIn("](scale.svg)", text)

    def test_marks_what_got_worse(self):
        text = written(comparison.compare(run(sample.requests(0.9)), run(sample.requests(0.7))))
        self.assertIn("| **WORSE** | connect | kept connections | requests_per_second | service | direct | 0.9 | 0.7 | -22 % |", text)


class Cases(unittest.TestCase):
    def measured(self, fake, parts):
        failed = []
        cases.CASES["fake"] = fake
        self.addCleanup(cases.CASES.pop, "fake")
        with contextlib.redirect_stderr(io.StringIO()):
            return cases.measure("fake", parts, print, failed), failed

    def test_what_was_measured_before_a_failure_counts(self):
        def run_case(_note):
            yield sample.idle()
            raise OSError("gone")
        results, failed = self.measured(types.SimpleNamespace(run_case=run_case), [])
        self.assertEqual((results, failed), ([sample.idle()], ["fake"]))

    def test_parts_that_share_nothing_go_on_without_the_one_that_fails(self):
        def run_case(_note, parts):
            if parts == ["first"]:
                raise AssertionError("no server")
            yield sample.idle()
        fake = types.SimpleNamespace(run_case=run_case, PARTS_APART=True)
        results, failed = self.measured(fake, ["first", "second"])
        self.assertEqual((results, failed), ([sample.idle()], ["fake/first"]))

    def test_all_is_what_no_name_means(self):
        self.assertEqual(cases.chosen(["all"]), cases.chosen([]))
        self.assertEqual(cases.chosen(["tls/idle", "tls/bulk", "tls/idle"]), {"tls": ["idle", "bulk"]})
        self.assertRaises(KeyError, cases.chosen, ["all/idle"])


if __name__ == "__main__":
    unittest.main()
