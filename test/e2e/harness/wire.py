# SPDX-License-Identifier: Apache-2.0
"""What passes a link."""

from harness.process import Process, wait_until


class Capture:
    """What passes the link to a host, as tcpdump writes it."""

    def __init__(self, host):
        self.file = host.place.root / "wire.pcap"
        host.place.root.chmod(0o777)
        self.process = Process(["tcpdump", "-i", "eth0", "-U", "--immediate-mode", "-s", "0", "-Z", "root", "-w", self.file], host.place.root / "logs/tcpdump",
                               host.netns.enter)
        wait_until(lambda: "listening on" in self.process.output(), self.process.output)

    def stop(self):
        self.process.stop()
        return self.file.read_bytes()
