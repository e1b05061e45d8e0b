# SPDX-License-Identifier: Apache-2.0
"""Sub-groups of cgroup v2. A socket belongs to the group of the process that made it, at the moment it was made."""

import contextlib
import pathlib

from harness.process import NAME, wait_until


def mount_point():
    """Where cgroup v2 is mounted: not always at /sys/fs/cgroup."""
    with open("/proc/self/mountinfo", encoding="utf-8") as lines:
        for line in lines:
            fields, _, rest = line.partition(" - ")
            if rest.split()[0] == "cgroup2":
                return pathlib.Path(fields.split()[4])
    raise AssertionError("cgroup v2 is not mounted: mount -t cgroup2 none /sys/fs/cgroup/unified")


class Cgroup:
    def __init__(self, label, parent=None):
        if parent is None:
            parent = mount_point()
            label = f"{NAME}-{label}"
        self.path = pathlib.Path(parent) / label
        self.path.mkdir()

    def enter(self):
        """Moves the calling process here. Given as `enter` to a Process, it moves the child before its program starts."""
        (self.path / "cgroup.procs").write_text("0")

    @contextlib.contextmanager
    def entered(self):
        """Sockets that this process makes inside the block belong to this group."""
        before = mount_point() / own_path().lstrip("/")
        self.enter()
        try:
            yield
        finally:
            (before / "cgroup.procs").write_text("0")

    def close(self):
        def gone():
            for child in sorted(self.path.rglob("*/"), reverse=True):
                child.rmdir()
            try:
                self.path.rmdir()
                return True
            except OSError:
                return False

        if self.path.exists():
            wait_until(gone, lambda: f"{self.path} to be empty, it has {(self.path / 'cgroup.procs').read_text().split()}")


def own_path():
    with open("/proc/self/cgroup", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("0::"):
                return line.strip().split("::", 1)[1]
    return "/"


def leftovers():
    return [str(path) for path in mount_point().glob(f"{NAME}-*")]
