# SPDX-License-Identifier: Apache-2.0
"""Three hosts in a row, each a network namespace: a client, a node that routes, and a backend."""

from harness import agent as agents
from harness.netns import Namespace
from harness.place import copy_of_binaries
from harness.process import NAME, Process, run

SERVICE, SERVICE6 = "10.96.0.10", "fd00:96::10"


class Hosts:
    """client 10.1.0.2 - 10.1.0.1 (c0) node (b0) 10.2.0.1 - 10.2.0.2 backend, and fd01::, fd02:: likewise. Nothing leaves them."""

    def __init__(self, label=""):
        self.hosts = []
        try:
            self.client, self.node, self.backend = (self._make(name + label) for name in ("client", "node", "backend"))
            self.join(self.client, "c0", 1)
            self.join(self.backend, "b0", 2)
            for name in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
                self.node.run("sysctl", "-qw", f"{name}=1")
        except BaseException:
            self.close()
            raise

    def _make(self, label):
        self.hosts.append(Namespace(f"{NAME}-{label}"))
        return self.hosts[-1]

    def join(self, host, device, net):
        """`device` is the node's end."""
        self.node.ip("link", "add", device, "type", "veth", "peer", "name", "eth0", "netns", host.name)
        for one, end, number in ((self.node, device, 1), (host, "eth0", 2)):
            one.ip("addr", "add", f"10.{net}.0.{number}/24", "dev", end)
            one.ip("addr", "add", f"fd0{net}::{number}/64", "dev", end, "nodad")
            one.ip("link", "set", end, "up")
        host.ip("route", "add", "default", "via", f"10.{net}.0.1")
        host.ip("-6", "route", "add", "default", "via", f"fd0{net}::1")

    def close(self):
        for host in self.hosts:
            host.close()


class NodeAgent(agents.Agent):
    """An agent that lives on the node."""

    def __init__(self, place, node, settings, environment=()):
        self.node = node
        self.file = place.root / "meshd.yaml"
        self.file.write_text(settings)
        super().__init__(place, "--config", self.file, binaries=copy_of_binaries(), environment=dict(environment))

    def launch(self):
        if agents.verdict and not self.kept_verdict.exists():
            self.kept_verdict.write_text(agents.verdict[0])
        self.process = Process([self.binaries / "meshd", *self.options], self.log, self.node.enter, env=self.environment)
        return self

    def unload(self):
        at = self.options.index("--config")
        options = self.options[:at] + self.options[at + 2:]
        return self.node.run(self.binaries / "meshd", "--unload", *options)

    def devices(self):
        return {device["name"]: device for device in self.api.get("/v1/devices")["devices"]}
