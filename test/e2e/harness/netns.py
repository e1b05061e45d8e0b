# SPDX-License-Identifier: Apache-2.0
"""Network namespaces: alone, or on one bridge, the host being one more on it. No routing between those on the bridge, so no setting of
the host is touched."""

import contextlib
import ctypes
import os

from harness.process import NAME, SESSION, run

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _setns(descriptor):
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Bridge:
    """The session's bridge, there as long as some namespace is on it.

    Its subnet comes from the session's pid, so that sessions at the same time do not share one. 198.18.0.0/15 is kept for measurements
    (RFC 2544), fd00::/8 for private use."""

    NAME = f"{NAME}b"
    members = set()

    @staticmethod
    def address(member):
        """Of member number 1 (the host) to 126."""
        number = (198 << 24 | 18 << 16) + int(SESSION) % 1024 * 128 + member
        return ".".join(str(number >> shift & 0xff) for shift in (24, 16, 8, 0))

    @staticmethod
    def address6(member):
        return f"fd6d:6573:{int(SESSION) >> 16:x}:{int(SESSION) & 0xffff:x}::{member:x}"

    @classmethod
    def join(cls):
        if not cls.members:
            run("ip", "link", "add", cls.NAME, "type", "bridge")
            cls.configure(("ip",), cls.NAME, 1)
        member = min(set(range(2, 127)) - cls.members)
        cls.members.add(member)
        return member

    @classmethod
    def leave(cls, member):
        cls.members.discard(member)
        if not cls.members:
            run("ip", "link", "del", cls.NAME)

    @classmethod
    def configure(cls, ip, device, member):
        run(*ip, "addr", "add", f"{cls.address(member)}/25", "dev", device)
        run(*ip, "addr", "add", f"{cls.address6(member)}/64", "dev", device, "nodad")
        run(*ip, "link", "set", device, "up")


class Namespace:
    """A network namespace with its own loopback and nothing else."""

    def __init__(self, name):
        self.name = name
        run("ip", "netns", "add", name)
        self.ip("link", "set", "lo", "up")

    def ip(self, *arguments):
        return run("ip", "-n", self.name, *arguments)

    def run(self, *command, **options):
        return run("ip", "netns", "exec", self.name, *command, **options)

    def enter(self):
        """Moves the calling thread here. Given as `enter` to a Process, it moves the child before its program starts."""
        descriptor = os.open(f"/run/netns/{self.name}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _setns(descriptor)
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def entered(self):
        """Sockets that this thread makes inside the block belong to this namespace."""
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self.enter()
        try:
            yield
        finally:
            _setns(before)
            os.close(before)

    def close(self):
        run("ip", "netns", "del", self.name, check=False)


class Netns(Namespace):
    """One on the bridge: `address` and `address6` are its own, `host_address` and `host_address6` the host's."""

    def __init__(self, label=""):
        self._member = Bridge.join()
        self.name = f"{NAME}-{self._member}{label}"
        self.link = f"{NAME}v{self._member}"
        self.host_address, self.address = Bridge.address(1), Bridge.address(self._member)
        self.host_address6, self.address6 = Bridge.address6(1), Bridge.address6(self._member)
        try:
            super().__init__(self.name)
            run("ip", "link", "add", self.link, "type", "veth", "peer", "name", "eth0", "netns", self.name)
            run("ip", "link", "set", self.link, "master", Bridge.NAME, "up")
            Bridge.configure(("ip", "-n", self.name), "eth0", self._member)
            # A way out of the subnet, for clients that look up a route before they connect.
            self.ip("route", "add", "default", "via", self.host_address)
            self.ip("-6", "route", "add", "default", "via", self.host_address6)
        except BaseException:
            self.close()
            raise

    def close(self):
        run("ip", "link", "del", self.link, check=False)
        super().close()
        Bridge.leave(self._member)


def leftovers():
    names = os.listdir("/run/netns") if os.path.isdir("/run/netns") else []
    return [name for name in names if name.startswith(f"{NAME}-")] + [
        link for link in os.listdir("/sys/class/net") if link == Bridge.NAME or link.startswith(f"{NAME}v")]
