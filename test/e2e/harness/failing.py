# SPDX-License-Identifier: Apache-2.0
"""Servers that die and load that notices."""

import json
import pathlib
import subprocess
import sys

from harness.servers import Server

HERE = pathlib.Path(__file__).parent


class NameServer(Server):
    """harness/name_server.py; it can be killed and started again at the same port."""

    def __init__(self, directory, name, resets=False, **keys):
        super().__init__(directory, **keys)
        self.name, self.resets = name, resets
        self.restart()

    def restart(self):
        return self.start("/usr/bin/python3", "-B", HERE / "name_server.py", self.address, self.port, self.name,
                          *(["reset"] if self.resets else []))

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        self.process.stop()


class ShortLoad:
    """harness/short_load.py as a client of the mesh."""

    def __init__(self, world, address, port, rate=1000, count=None):
        command = [sys.executable, "-B", str(HERE / "short_load.py"), address, str(port), str(rate)]
        self.child = subprocess.Popen(command + ([str(count)] if count else []), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      text=True, preexec_fn=world.enter())
        assert self.child.stdout.readline() == "ready\n"

    def kill(self, pid):
        self.child.stdin.write(f"kill {pid}\n")
        self.child.stdin.flush()
        assert self.child.stdout.readline() == "killed\n"

    def finish(self):
        """What came of it all."""
        self.child.stdin.close()
        result = json.loads(self.child.stdout.readline())
        self.child.wait(10)
        return result

    def close(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait(10)
        for end in (self.child.stdin, self.child.stdout):
            end.close()
