# SPDX-License-Identifier: Apache-2.0
"""`meshctl flow watch`, beside a test."""

import json
import subprocess

from harness.process import Process, wait_until


class Watching:
    def __init__(self, agent, log):
        self.agent, self.log = agent, log
        self.process = Process([agent.binaries / "meshctl", "--socket", agent.place.socket, "flow", "watch", "-o", "json"], log)
        wait_until(self.is_there, "the watcher to be heard", timeout=20)

    def is_there(self):
        return json.loads(subprocess.run(["bpftool", "-j", "map", "lookup", "pinned", str(self.agent.place.maps / "md_flow_config"), "key", "0",
                                          "0", "0", "0"], check=True, capture_output=True, text=True).stdout)["formatted"]["value"]["watched"]

    def rows(self):
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def wait(self, condition, what):
        """The first event that is so."""
        return wait_until(lambda: next((row for row in self.rows() if condition(row)), None), lambda: f"{what}; seen\n{self.log.read_text()}", timeout=30)

    def close(self):
        self.process.stop()
