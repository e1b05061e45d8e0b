# SPDX-License-Identifier: Apache-2.0
"""Somebody who configures all nodes at once, by meshctl apply, get and delete."""

import json
import subprocess

from harness.place import copy_of_binaries
from harness.registry import document


class Operator:
    """Somebody with a meshd.yaml and files."""

    def __init__(self, world, options=(), **registry):
        """`options` stand behind each command."""
        self.world, self.options, self.config = world, options, world.place.root / "meshd.yaml"
        self.config.write_text(json.dumps({"registry": {"hold": {"share": "100%"}, **registry}}))

    def file(self, text, name="objects.yaml"):
        path = self.world.place.root / name
        path.write_text(text)
        return path

    def command(self, verb, *arguments):
        return [str(copy_of_binaries() / "meshctl"), "--socket", str(self.world.place.socket), verb, "--config", str(self.config),
                *map(str, [*arguments, *self.options])]

    def run(self, verb, *arguments, text=None):
        return subprocess.run(self.command(verb, *arguments), input=text, capture_output=True, text=True, timeout=120, check=False)

    def apply(self, *services, options=(), text=None):
        """The results, "service/web created"."""
        answer = self.run("apply", "-f", "-", *options, text=document(services) if text is None else text)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout.splitlines()

    def refused(self, verb, *arguments, text=None):
        answer = self.run(verb, *arguments, text=text)
        assert answer.returncode == 1, (answer.returncode, answer.stdout, answer.stderr)
        return answer.stderr
