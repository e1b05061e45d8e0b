# SPDX-License-Identifier: Apache-2.0
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import kubernetes  # noqa: E402
from harness.fixtures import mesh, nothing_is_left, world  # noqa: E402, F401
from harness.kube_fixtures import kube_server, shop, told_shop  # noqa: E402, F401


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: measures the whole node, so nothing may run beside it")


def pytest_terminal_summary(terminalreporter):
    nodes = [getattr(report, "nodeid", "") for reports in terminalreporter.stats.values() for report in reports]
    if any("test_registry_kubernetes" in node for node in nodes) and not kubernetes.REAL:
        terminalreporter.write_line(f"kubernetes: no {kubernetes.BINARY}, so its tests ran on what a real API server once said; "
                                    "scripts/build-kube-apiserver.sh builds one")
