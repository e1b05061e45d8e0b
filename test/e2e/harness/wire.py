# SPDX-License-Identifier: Apache-2.0
"""What passes a link."""

import itertools
import os
import socket

from harness.process import Process, wait_until


_numbers = itertools.count(1)


class Capture:
    """What passes the link of a mesh's host, as tcpdump writes it."""

    def __init__(self, host):
        name = f"wire{next(_numbers)}"  # files of its own: what an earlier one said would be taken for this one's word
        self.host, self.file = host, host.place.root / f"{name}.pcap"
        host.place.root.chmod(0o777)
        self.process = Process(["tcpdump", "-i", "eth0", "-U", "--immediate-mode", "-s", "0", "-Z", "root", "-w", self.file],
                               host.place.root / "logs" / name, host.netns.enter)
        wait_until(lambda: "listening on" in self.process.output(), self.process.output)

    def stop(self):
        """All that has passed so far: tcpdump is behind, so it is waited for until it has seen a last packet."""
        last = os.urandom(16)
        with self.host.netns.entered(), socket.socket(type=socket.SOCK_DGRAM) as sender:
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            sender.sendto(last, (self.host.address.rsplit(".", 1)[0] + ".255", 9))
        wait_until(lambda: last in self.file.read_bytes(), self.process.output)
        self.process.stop()
        return self.file.read_bytes()
