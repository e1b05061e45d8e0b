# SPDX-License-Identifier: Apache-2.0
"""The Debian packages of the build that is tested, and clean roots to install them into."""

import os
import pathlib
import shutil

from harness.booted_root import TOP
from harness.place import build_directory
from harness.process import run

# The binaries are this distribution's, so the root is of the same.
SUITES = {"12": "bookworm", "13": "trixie"}


def suite():
    """None where there is no root to be had: not Debian, or without debootstrap."""
    release = dict(line.split("=", 1) for line in pathlib.Path("/etc/os-release").read_text().splitlines() if "=" in line)
    known = SUITES.get(release.get("VERSION_ID", "").strip('"')) if release.get("ID") == "debian" else None
    return known if shutil.which("debootstrap", path=os.environ["PATH"]) else None


def build(directory, *options):
    """The packages of what is built, without building it."""
    done = run(TOP / "scripts/package.sh", "--preset", build_directory().parent.name, "--built", *options, directory, timeout=120)
    return [pathlib.Path(line) for line in done.stdout.splitlines()]


def clean_root(*wanted):
    """The directory of a root, with all that is wanted (files and names of packages) in its cache; it is for overlays only."""
    return pathlib.Path(run(TOP / "scripts/debian-root.sh", suite(), *wanted, timeout=400).stdout.strip())
