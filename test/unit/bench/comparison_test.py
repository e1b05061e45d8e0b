# SPDX-License-Identifier: Apache-2.0
"""What is flagged when two runs are compared, and what is not; and the JSON form that they come from."""

import json
import math
import pathlib
import subprocess
import sys
import tempfile
import unittest

import sample
from sample import run

import comparison
import report

BENCH = sample.TOP / "scripts/bench/main.py"
OTHER_CPU = {"cpu": "Another processor"}


def worse(old, new, **machine):
    return [one.result.key for one in comparison.compare(run(old), run(new, **machine)).worse]


class Flagged(unittest.TestCase):
    def test_a_ratio_that_fell_by_more_than_a_tenth(self):
        found = comparison.compare(run(sample.requests(0.9)), run(sample.requests(0.7)))
        self.assertEqual([one.what for one in found.worse], ["ratio"])
        self.assertAlmostEqual(found.worse[0].percent, -22.2, places=1)
        self.assertIn("WORSE", comparison.text(found))

    def test_a_ratio_that_fell_on_another_machine(self):
        self.assertEqual(len(worse(sample.requests(0.9), sample.requests(0.7), machine=OTHER_CPU)), 1)

    def test_a_ratio_of_times_that_rose(self):
        self.assertEqual(len(worse(sample.added(1.3), sample.added(1.5))), 1)

    def test_a_value_on_the_same_machine(self):
        self.assertEqual(len(worse(sample.change_median(5), sample.change_median(6))), 1)

    def test_a_value_that_went_beyond_all_bounds(self):
        beyond = sample.change_median(5)
        beyond.value = math.inf
        self.assertEqual(len(worse(sample.change_median(5), beyond)), 1)


class NotFlagged(unittest.TestCase):
    def test_a_fall_within_the_spread(self):
        self.assertEqual(worse(sample.requests(0.9), sample.requests(0.7, shake=0.4)), [])
        self.assertEqual(worse(sample.requests(0.9, shake=0.4), sample.requests(0.7)), [])

    def test_a_value_within_the_spread(self):
        self.assertEqual(worse(sample.change_median(5, apart=2), sample.change_median(6, apart=2)), [])

    def test_a_fall_of_less_than_a_tenth(self):
        self.assertEqual(worse(sample.requests(0.9), sample.requests(0.82)), [])

    def test_what_got_better(self):
        found = comparison.compare(run(sample.requests(0.7), sample.change_median(6)), run(sample.requests(0.9), sample.change_median(5)))
        self.assertEqual((len(found.worse), len(found.better)), (0, 2))

    def test_a_value_of_another_machine_or_kernel(self):
        for machine in (OTHER_CPU, {"kernel": "6.12.0"}, {"memory_mb": 3900}):
            self.assertEqual(worse(sample.change_median(5), sample.change_median(9), machine=machine), [])
        self.assertEqual(len(worse(sample.change_median(5), sample.change_median(9), machine={"memory_mb": 7899})), 1)

    def test_what_was_measured_once_and_is_far_below_its_bar(self):
        self.assertEqual(worse(sample.idle(0.001), sample.idle(0.002)), [])
        self.assertEqual(len(worse(sample.idle(0.1), sample.idle(0.15))), 1)

    def test_what_is_not_ours(self):
        self.assertEqual(worse(sample.requests(0.9, subject="HAProxy TCP"), sample.requests(0.5, subject="HAProxy TCP")), [])
        self.assertTrue(comparison.is_ours("HAProxy short"))


class Told(unittest.TestCase):
    def test_what_is_no_longer_measured_in_a_case_that_is(self):
        gone = sample.idle()
        found = comparison.compare(run(sample.change_median(), gone, sample.requests()), run(sample.change_median()))
        self.assertEqual(found.gone, [gone.key])
        self.assertIn("idle_cpu", comparison.text(found))


class Files(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.root = pathlib.Path(self.directory.name)

    def written(self, name, *results, **more):
        report.write_json(self.root / name, run(*results, **more))
        return self.root / name

    def bench(self, *arguments):
        return subprocess.run([sys.executable, "-B", BENCH, *arguments], capture_output=True, text=True, check=False, timeout=60)

    def test_written_and_read_again_is_the_same(self):
        known = report.read_json(sample.FILE)
        again = report.read_json(self.written("a", *known.results, machine=known.machine, failed=known.failed))
        self.assertEqual(again, known)
        self.assertEqual(known.failed, ["registry/consul"])
        self.assertEqual(known.results[0].turns, [900.0, 909.0, 891.0, 904.5, 895.5])

    def test_what_is_beyond_all_bounds_is_null_and_read_as_such(self):
        beyond = sample.idle(math.inf)
        path = self.written("a", beyond)
        self.assertIsNone(json.loads(path.read_text().splitlines()[1], parse_constant=self.fail)["value"])
        self.assertEqual(report.read_json(path).results[0].value, math.inf)

    def test_the_exit_status_tells_of_a_regression(self):
        old, new = self.written("old", sample.requests(0.9)), self.written("new", sample.requests(0.7))
        done = self.bench("--compare", old, new)
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn("1 worse, 0 better", done.stdout)
        self.assertEqual(self.bench("--compare", new, old).returncode, 0)

    def test_a_file_that_is_none_of_ours_is_refused_with_its_place(self):
        path = self.written("old", sample.requests())
        path.write_text(path.read_text() + '{"bench": "connect"}\n')
        for wrong, place in ((path, f"{path}:3:"), (self.root / "none", "No such file")):
            done = self.bench("--compare", wrong, sample.FILE)
            self.assertEqual(done.returncode, 2)
            self.assertIn(place, done.stderr)
            self.assertNotIn("Traceback", done.stderr)

    def test_only_all_cases_are_kept(self):
        done = self.bench("connect", "--keep")
        self.assertEqual(done.returncode, 2)
        self.assertIn("only a run of all cases is kept", done.stderr)


if __name__ == "__main__":
    unittest.main()
