# SPDX-License-Identifier: Apache-2.0
"""Both ends of many connections at once, each byte of each checked, by the tool bench-flows."""

import json
import signal

from harness.agent import free_port
from harness.place import build_directory
from harness.process import Process, run, wait_until
from harness.servers import Server

CONNECTIONS = 1000
FLOWS = build_directory() / "bench-flows"


class FlowEcho(Server):
    def __init__(self, directory, netns=None, ipv6=False, **keys):
        super().__init__(directory, netns, **keys)
        self.address = self.address6 if ipv6 else self.address
        self.start(FLOWS, "serve", f"[{self.address}]:{self.port}" if ipv6 else f"{self.address}:{self.port}")


class FlowLoad(Process):
    """A client of the mesh: connections that stay, each with ten messages a second, and four at a time that come and go. `enter` moves
    it to where clients are."""

    def __init__(self, place, enter, target, connections=CONNECTIONS):
        self.connections, self.enter = connections, enter
        super().__init__([FLOWS, "drive", target, "--connections", connections, "--churn", 4], place.root / f"logs/load-{free_port()}", enter)
        wait_until(lambda: "ready" in self.output(), lambda: f"{connections} connections: {self.output()}", timeout=60)

    def no_more_connects(self):
        """Only the connections that stay are left."""
        self.send(signal.SIGUSR1)
        wait_until(lambda: self._established() <= self.connections, "the short connections to end")

    def _established(self):
        return sum(f"pid={self.pid}," in line for line in run("ss", "-Htn", "state", "established", "-p", preexec_fn=self.enter).stdout.splitlines())

    def outcome(self):
        self.stop(timeout=60)
        return json.loads(self.output().splitlines()[-1])


def assert_unharmed(outcome, connections=CONNECTIONS, churned=100):
    assert {key: outcome[key] for key in ("established", "failed", "broken", "churn_failed", "errors")} == {
        "established": connections, "failed": 0, "broken": 0, "churn_failed": 0, "errors": []}, outcome
    assert outcome["idle_at_the_end"] == connections
    assert outcome["churned"] >= churned
    assert outcome["least_bytes"] > 1500, "some connection hardly moved"
