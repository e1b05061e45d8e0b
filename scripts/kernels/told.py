# SPDX-License-Identifier: Apache-2.0
"""A plugin of pytest in guests: what became of each test stands in a line of its own, at once, for a guest may end at any time."""

import pytest


def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Teller(config), "teller")


class Teller:
    def __init__(self, config):
        self.config = config

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report):
        if report.when != "call" and report.outcome == "passed":
            return
        screen = self.config.pluginmanager.get_plugin("terminalreporter")
        screen.write_line(f"\n@@ e2e {report.outcome} {report.duration:.0f} {report.nodeid}")
        if report.outcome == "failed":
            screen.write_line(report.longreprtext[-8000:])
