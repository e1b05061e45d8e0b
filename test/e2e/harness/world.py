# SPDX-License-Identifier: Apache-2.0
"""One place with its agent and everything around it, taken down in reverse order whatever happened."""

import contextlib

from harness import agent as agents
from harness import echo, servers
from harness.netns import Netns
from harness.place import Place
from harness.process import patient, run


class World:
    def __init__(self):
        self._stack = contextlib.ExitStack()
        self.place = self.keep(Place())
        self.registry = self.place.registry
        self.cgroup = self.place.cgroup
        self._servers = 0

    def keep(self, thing):
        self._stack.callback(thing.close)
        return thing

    def agent(self, *options, start=True, **keys):
        agent = self.keep(agents.Agent(self.place, *options, **keys))
        return agent.start() if start else agent

    def netns(self, label=""):
        return self.keep(Netns(label))

    def _directory(self):
        self._servers += 1
        return self.place.root / f"server{self._servers}"

    def nginx(self, name, netns=None, **keys):
        return self.keep(servers.NamedNginx(self._directory(), name, netns=netns, **keys))

    def dnsmasq(self, body, netns=None, **keys):
        return self.keep(servers.Dnsmasq(self._directory(), body, netns, **keys))

    def socat(self, protocol, netns=None, **keys):
        return self.keep(servers.Socat(self._directory(), protocol, netns, **keys))

    def haproxy(self, *targets, **keys):
        return self.keep(servers.Haproxy(self._directory(), *targets, **keys))

    @contextlib.contextmanager
    def entered(self, netns=None):
        """Sockets that this process makes inside the block are those of a client of the mesh."""
        with self.cgroup.entered(), netns.entered() if netns else contextlib.nullcontext():
            yield

    def tcp_echo(self, name, address="127.0.0.1", netns=None):
        return self.keep(echo.TcpEcho(name, address, netns))

    def udp_echo(self, name, address="127.0.0.1", netns=None):
        return self.keep(echo.UdpEcho(name, address, netns))

    def enter(self, netns=None):
        """For a child process: into the agent's cgroup and, when given, into a namespace."""
        def both():
            self.cgroup.enter()
            if netns is not None:
                netns.enter()
        return both

    def client(self, *command, netns=None, **options):
        """Runs a command as a client of the mesh."""
        return run(*command, preexec_fn=self.enter(netns), **options)

    def curl(self, address, port=80, netns=None, path="/", check=True, options=()):
        host = f"[{address}]" if ":" in address else address
        return self.client("curl", "-sS", "--noproxy", "*", "--max-time", str(patient(10)), *options, f"http://{host}:{port}{path}", netns=netns,
                           check=check)

    def close(self):
        self._stack.close()
