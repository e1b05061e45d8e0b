# SPDX-License-Identifier: Apache-2.0
"""Where one agent lives in a test: directories, a BPF filesystem and a cgroup of its own."""

import itertools
import json
import os
import pathlib
import shutil
import tempfile

from harness.cgroup import Cgroup
from harness.process import NAME, run
from harness.registry import Registry

BINARIES = ("meshd", "meshd-userspace", "meshctl")
_numbers = itertools.count(1)
_copied = {}


def build_directory():
    """Binaries of $MESHD_BIN_DIR, else of the release build."""
    top = pathlib.Path(__file__).resolve().parents[3]
    return pathlib.Path(os.environ.get("MESHD_BIN_DIR", top / "build/release/bin"))


def copy_of_binaries(label="first"):
    """The three binaries, where the worker's user can reach them whatever the checkout's permissions are."""
    if label not in _copied:
        directory = pathlib.Path(tempfile.mkdtemp(prefix=f"{NAME}-bin-{label}-"))
        directory.chmod(0o755)
        _copied[label] = directory
        for name in BINARIES:
            shutil.copy2(build_directory() / name, directory / name)
    return _copied[label]


def remove_copies():
    for directory in _copied.values():
        shutil.rmtree(directory)
    _copied.clear()


class Place:
    def __init__(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix=f"{NAME}-place-"))
        self.root.chmod(0o755)
        self.mounts = []
        self.cgroup = None
        try:
            for name in ("bpf", "run", "state", "logs"):
                (self.root / name).mkdir()
            self.mount("bpf", "none", self.root / "bpf")
            self.registry = Registry(self.root / "services.d")
            self.cgroup = Cgroup(f"p{next(_numbers)}")
        except BaseException:
            self.close()
            raise

    def mount(self, kind, source, target, *options):
        run("mount", "-t", kind, *options, source, target)
        self.mounts.append(target)

    @property
    def socket(self):
        return self.root / "run/control.sock"

    @property
    def maps(self):
        return self.root / "bpf/meshd/v2/maps"

    def entries(self, name):
        """Of one map, as bpftool shows them."""
        return json.loads(run("bpftool", "-j", "map", "dump", "pinned", self.maps / name).stdout)

    @property
    def options(self):
        return ["--cgroup", self.cgroup.path, "--bpffs", self.root / "bpf", "--run-dir", self.root / "run",
                "--state-dir", self.root / "state", "--registry-dir", self.registry.directory, "--worker-user", "nobody",
                "--worker-shutdown-timeout", "0s", "--control-group", "users"]

    def pins(self):
        """Of meshd, whatever the version; the filesystem has files of its own."""
        mine = (self.root / "bpf").glob("meshd*")
        return sorted(str(path) for top in mine for path in top.rglob("*") if not path.is_dir())

    def close(self):
        if self.cgroup is not None:
            self.cgroup.close()
        while self.mounts:
            run("umount", self.mounts.pop())
        shutil.rmtree(self.root)


def leftovers():
    with open("/proc/self/mountinfo", encoding="utf-8") as lines:
        mounts = [line.split()[4] for line in lines if f"/{NAME}-" in line]
    return mounts + [str(path) for path in pathlib.Path(tempfile.gettempdir()).glob(f"{NAME}-*")]
