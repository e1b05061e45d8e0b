# SPDX-License-Identifier: Apache-2.0
"""An agent that writes a log of flows, or exports them, and clients whose doings must be found there."""

import json
import os
import pwd
import socket

import pytest

from harness.registry import backend, service
from harness.process import patient, wait_until

V4, PORT, EMPTY = "10.96.0.80", 80, "10.96.0.81"


class Logged:
    """Two services, `line` with an echo behind it and `empty` with nothing. `settings` is what stands below `flows:`."""

    def __init__(self, world, settings):
        self.world = world
        self.directory = world.place.root / "flows"
        self.directory.mkdir()
        self.give_to_worker(self.directory)
        self.file = self.directory / "flows.jsonl"
        self.configuration = world.place.root / "meshd.yaml"
        self.configure(settings)
        self.echo = world.tcp_echo("one")
        services = [service("line", V4, PORT, [backend("127.0.0.1", self.echo.port)]) | {"acceleration": "off"}, service("empty", EMPTY, PORT, [])]
        world.registry.write(*services)
        self.agent = world.agent("--config", self.configuration)
        self.agent.wait_applied(*services)

    def configure(self, settings):
        """JSON is YAML."""
        beside = self.configuration.with_suffix(".new")
        beside.write_text(json.dumps({"flows": settings(self) if callable(settings) else settings}))
        os.replace(beside, self.configuration)

    @staticmethod
    def give_to_worker(path):
        os.chown(path, pwd.getpwnam("nobody").pw_uid, -1)

    def connect(self, size=1000):
        """One connection that sends so many bytes and gets them back behind a greeting. The client's address."""
        with self.world.entered():
            client = socket.create_connection((V4, PORT), timeout=patient(10))
        with client:
            client.sendall(b"x" * size)
            expected = size + len("one\n")
            while expected:
                expected -= len(client.recv(expected))
            return "%s:%d" % client.getsockname()

    def be_refused(self):
        with self.world.entered(), pytest.raises(ConnectionRefusedError):
            socket.create_connection((EMPTY, PORT), timeout=patient(10))

    def files(self):
        return sorted(self.directory.glob("flows.jsonl*"))

    def rows(self, path=None):
        """Every line is whole and JSON, whatever happened."""
        return [json.loads(line) for one in ([path] if path else self.files()) for line in one.read_text().splitlines()]

    def wait_rows(self, condition, what, timeout=10):
        """`condition` is one of all rows."""
        wait_until(lambda: condition(self.rows()), lambda: f"{what}; the log is\n" + "\n".join(map(str, self.rows()[-20:])) +
                   f"\n{json.dumps(self.agent.status()['degraded'])}", timeout)
        return self.rows()

    def degraded(self, feature):
        return next((one for one in self.agent.status()["degraded"] if one["feature"] == feature), None)

    def metric(self, name, **labels):
        wanted = {f'{key}="{value}"' for key, value in labels.items()}
        for line in self.agent.metrics().splitlines():
            if line.startswith(f"meshd_flow_export_{name}{{") and wanted <= set(line[line.index("{") + 1:line.index("}")].split(",")):
                return float(line.rsplit(" ", 1)[1])
        return None
