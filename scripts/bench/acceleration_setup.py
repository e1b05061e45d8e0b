# SPDX-License-Identifier: Apache-2.0
"""What the measurements of the short way run against: an agent, and each server reachable directly, by a service on the short
way, and through HAProxy in both ways. Everything is in the agent's cgroup, so that a direct connection differs from one to a
service in nothing else."""

from acceleration_memory import map_bytes
from harness import programs, servers
from harness.agent import free_port
from harness.cgroup import Cgroup
from harness.registry import backend, service
from harness.short_way import ShortWay
from harness.world import World

PORT = 80  # of every service
FILE_SIZES = [20_480, 1 << 20, 12 << 20]  # file0, file1, file2: more than TCP holds for a slow reader


def available_congestion_controls():
    with open("/proc/sys/net/ipv4/tcp_available_congestion_control", encoding="utf-8") as names:
        there = names.read().split()
    return [name for name in ("cubic", "bbr") if name in there]


class Setup:
    def __init__(self, note):
        self.world = World()
        self._services = []
        try:
            self._fill(note)
        except BaseException:
            self.close()
            raise

    def _fill(self, note):
        self.bare = self.world.keep(Cgroup("bare"))
        before = map_bytes()
        self.agent = self.world.agent("--log-level", "info")
        self.short = ShortWay(self.world, self.agent)
        note(f"mode {self.short.mode}: {self.short.state['reason']}")
        self.root = self.world.place.root
        self.files = programs.random_files(self.root / "files", FILE_SIZES, seed=1)
        self.congestion_controls = available_congestion_controls()
        self._echo()
        self._web()
        self.short.publish(*self._services)
        self.map_bytes_at_rest = map_bytes() - before

    def close(self):
        self.world.close()

    def _start(self, kind, label, *arguments, **keys):
        return self.world.keep(kind(self.root / label, *arguments, enter=self.world.enter(), **keys))

    def _service(self, name, port, **keys):
        """ADDRESS:PORT of a new service before a port of this host."""
        address = f"10.96.1.{len(self._services) + 1}"
        self._services.append(service(name, address, PORT, [backend("127.0.0.1", port)], **keys))
        return f"{address}:{PORT}"

    def _echo(self):
        """For the tools that are their own server: ports that they listen on, and ways to those. A service whose readers fall
        behind is taken off the short way for a while, so each measurement has its own."""
        self.ports = {name: free_port() for name in ("direct", "bare", "again", "haproxy", "haproxy short", "ordinary")}
        self.echo = {}
        streams = (f"{kind}-{name}" for kind in ("stream", "outrun") for name in self.congestion_controls)
        for purpose in ("ping-pong", "memory", *streams):
            self.ports[purpose] = free_port()
            self.echo[purpose] = self._service(purpose, self.ports[purpose])
        self.echo_ordinary = self._service("echo-ordinary", self.ports["ordinary"], acceleration="off")
        proxy = self._start(servers.Haproxy, "haproxy-echo", f"127.0.0.1:{self.ports['haproxy']}")
        self.echo_haproxy = f"127.0.0.1:{proxy.port}"
        behind = self._service("echo-behind-haproxy", self.ports["haproxy short"])
        proxy = self._start(servers.Haproxy, "haproxy-echo-short", behind)
        self.echo_haproxy_short = self._service("haproxy-echo", proxy.port)

    def _web(self):
        self.web = self._start(programs.NginxFiles, "nginx", self.root / "files", workers=2)
        own = f"127.0.0.1:{self.web.port}"
        web = self._service("web", self.web.port)
        direct = self._start(servers.Haproxy, "haproxy-web", own)
        short = self._start(servers.Haproxy, "haproxy-web-short", web)
        self.web_ways = {"direct": own, "short way": web, "HAProxy TCP": f"127.0.0.1:{direct.port}",
                         "HAProxy short": self._service("haproxy-web", short.port)}
        self.web_ordinary = self._service("web-ordinary", self.web.port, acceleration="off")
        self.proxy_ways = self._proxied("fast")
        self.slow_ways = {(name, server): ways for name in ("file1", "file2") for server, ways in (
            ("nginx", {"direct": own, "short way": self._service(f"slow-{name}", self.web.port)}),
            ("nginx as a proxy", self._proxied(f"slow-{name}")))}

    def _proxied(self, label):
        """An nginx before the nginx with the files, both legs direct, and one with both legs on the short way. As a proxy it
        trusts FIONREAD."""
        keys = self.short.keys(trusts_fionread=True) or {"acceleration": "off"}
        direct = self._start(programs.NginxProxy, f"proxy-{label}", f"127.0.0.1:{self.web.port}", workers=2)
        behind = self._service(f"web-behind-{label}", self.web.port, **keys)
        short = self._start(programs.NginxProxy, f"proxy-{label}-short", behind, workers=2)
        return {"direct": f"127.0.0.1:{direct.port}", "short way": self._service(f"proxy-{label}", short.port, **keys)}

    def peer(self, name, to, listen=None, cgroup=None, congestion=None):
        """As bench-pingpong and bench-stream take it."""
        parts = {"name": name, "to": to, "listen": listen, "cgroup": (cgroup or self.world.cgroup).path, "congestion": congestion}
        return ",".join(f"{key}={value}" for key, value in parts.items() if value is not None)

    def tcp_peer(self, name, port, to=None, **keys):
        """The tool listens on the port with that name."""
        own = f"127.0.0.1:{self.ports[port]}"
        return self.peer(name, to or own, own, **keys)

    def unix_peer(self, name):
        path = self.root / "run/bench.sock"
        path.unlink(missing_ok=True)
        return self.peer(name, f"unix:{path}", f"unix:{path}")
