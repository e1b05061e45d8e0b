# SPDX-License-Identifier: Apache-2.0
"""curl, again and again, through one service address from one place; what came back is counted by the phases of the demo."""

import collections

from harness.process import Process

LOOP = """
while [ ! -e "$2" ]; do
    curl -s --noproxy '*' --max-time 5 "$1" || echo "failed($?)"
done
"""


def url_of(address):
    return f"http://[{address}]/" if ":" in address else f"http://{address}/"


class Traffic:
    def __init__(self, world, place, address, netns=None):
        self.place, self.address = place, address
        number = sum(1 for _ in (world.place.root / "logs").glob("traffic*"))
        self._end = world.place.root / "end-of-traffic"
        self._process = Process(["/bin/sh", "-c", LOOP, "traffic", url_of(address), self._end], world.place.root / f"logs/traffic{number}",
                                world.enter(netns))
        self._read = 0

    def take(self):
        """Counts by answer since the last call."""
        lines = self._process.output().splitlines()
        fresh, self._read = lines[self._read:], len(lines)
        return collections.Counter(fresh)

    def stop(self):
        self._end.touch()
        self._process.wait(10)

    def close(self):
        self._process.stop()
