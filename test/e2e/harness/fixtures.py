# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the end-to-end and stress tests: each test has a world of its own, and the session proves that nothing is left of any."""

import os

import pytest

from harness import agent, cgroup, netns, place
from harness.mesh import Mesh
from harness.process import marked_processes, wait_until
from harness.world import World


def leftovers():
    return [*place.leftovers(), *cgroup.leftovers(), *netns.leftovers(), *agent.bpf_leftovers(),
            *(f"process {pid}: {line}" for pid, line in marked_processes().items())]


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left():
    if os.geteuid() != 0:
        pytest.exit("these tests load BPF programs and make network namespaces: run them as root", returncode=1)
    missing = [name for name in place.BINARIES if not (place.build_directory() / name).exists()]
    if missing:
        pytest.exit(f"{', '.join(missing)} not in {place.build_directory()}: build first, or set MESHD_BIN_DIR", returncode=1)
    yield
    place.remove_copies()
    # The kernel frees maps and programs after a grace period.
    wait_until(lambda: not leftovers(), lambda: f"these to go: {leftovers()}", timeout=15)


@pytest.fixture
def world():
    made = World()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def mesh():
    made = Mesh()
    try:
        yield made
    finally:
        made.close()
