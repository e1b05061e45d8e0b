# SPDX-License-Identifier: Apache-2.0
"""New connections to a service, one after the other, from a process of its own: while the test looks after something else.

    steady.py ADDRESS PORT        prints a line for each failure and, at SIGTERM, how many connections were well"""

import signal
import socket
import sys
import time

if __name__ != "__main__":
    from harness.process import Process, wait_until


class Steady:
    """Each connection has to be given a line, as those of harness.echo are."""

    count = 0

    def __init__(self, world, address, port, netns=None):
        Steady.count += 1
        self.process = Process([sys.executable, "-B", __file__, address, port], world.place.root / f"logs/steady{Steady.count}",
                               world.enter(netns))
        wait_until(lambda: "began" in self.process.output(), lambda: f"a first connection: {self.process.output()}")

    def failures(self):
        """Ends it."""
        assert self.process.stop() == 0, self.process.output()
        lines = self.process.output().splitlines()
        assert int(lines[-1]) > 0
        return [line for line in lines[:-1] if line != "began"]

    def close(self):
        self.process.stop()


def main(address, port):
    well, ended = 0, []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    while not ended:
        try:
            with socket.create_connection((address, port), timeout=10) as connection:
                if not connection.recv(100).endswith(b"\n"):
                    raise OSError("closed without a line")
            well += 1
            if well == 1:
                print("began", flush=True)
        except OSError as error:
            print(f"{error!r}", flush=True)
        time.sleep(0.002)
    print(well, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
