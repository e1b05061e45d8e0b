# SPDX-License-Identifier: Apache-2.0
"""Hosts of a mesh, each a network namespace with an agent and a cgroup of its own, side by side on one link."""

import contextlib
import json
import socket

from harness import agent as agents
from harness import servers
from harness.authority import TRUST_DOMAIN, Authority
from harness.echo import TcpEcho
from harness.netns import Namespace
from harness.place import Place, copy_of_binaries
from harness.process import NAME, Process, patient, run, wait_until
from harness.registry import backend, service

SERVICE, SERVICE6, PORT = "10.96.0.20", "fd00:96::20", 80
USER = "daemon"  # for workers: no other process here is its
INBOUND, OUTBOUND = 15008, 15001


class Host:
    """10.1.0.NUMBER and fd01::NUMBER. `enter` moves a process here, as one of the mesh's clients."""

    def __init__(self, number, label):
        self.name = f"h{number}"
        self.address, self.address6 = f"10.1.0.{number}", f"fd01::{number}"
        self._stack = contextlib.ExitStack()
        self.netns = self.keep(Namespace(f"{NAME}-{self.name}{label}"))
        self.place = self.keep(Place())
        self.place.root.chmod(0o755)
        self.tls = self.place.root / "tls"
        self.tls.mkdir()
        self.tls.chmod(0o755)
        self.agent = None
        self._servers = 0

    def keep(self, thing):
        self._stack.callback(thing.close)
        return thing

    def enter(self):
        self.place.cgroup.enter()
        self.netns.enter()

    @contextlib.contextmanager
    def entered(self):
        with self.place.cgroup.entered(), self.netns.entered():
            yield

    def run(self, *command, **options):
        return run(*command, preexec_fn=self.enter, **options)

    def certify(self, authority, name=None, **keys):
        """The node's certificate, or another identity's; files are replaced, as by a program that renews them."""
        return authority.issue(name or "node", keys.pop("identity", name or f"node/{self.name}"), owner=USER, at=self.tls, **keys)

    def trust(self, *authorities):
        beside = self.tls / "authorities.new"
        beside.write_text("".join(one.certificate.read_text() for one in authorities))
        beside.replace(self.tls / "authorities.pem")

    def settings(self, extra="", **tls):
        section = {"trust_domain": TRUST_DOMAIN, "authorities": str(self.tls / "authorities.pem"),
                   "certificate": str(self.tls / "node.pem"), "key": str(self.tls / "node.key")} | tls
        file = self.place.root / "meshd.yaml"
        encryption = "" if tls.get("tls") is False else f"tls: {json.dumps(section)}\n"
        file.write_text(f"log: {{level: debug}}\n{encryption}{extra}")
        return file

    def start(self, *options, extra="", **tls):
        """An agent whose own sockets the hooks see, too."""
        self.agent = self.keep(HostAgent(self, "--config", self.settings(extra, **tls), "--worker-user", USER, *options))
        return self.agent.start()

    def nginx(self, make, *arguments, **keys):
        self._servers += 1
        keys = {"addresses": (self.address, self.address6), "enter": self.enter} | keys
        return self.keep(make(self.place.root / f"server{self._servers}", *arguments, **keys))

    def named(self, name, **keys):
        return self.nginx(servers.NamedNginx, name, **keys)

    def curl(self, path="/", address=SERVICE, port=PORT, options=(), check=True):
        host = f"[{address}]" if ":" in address else address
        return self.run("curl", "-sS", "--noproxy", "*", "--max-time", str(patient(10)), *options, f"http://{host}:{port}{path}", check=check)

    def figure(self, name, /, **labels):
        """The sum of a metric's samples with these labels."""
        total = 0
        for line in self.agent.metrics().splitlines():
            head, _, value = line.rpartition(" ")
            if head.split("{")[0] == name and all(f'{key}="{text}"' in head for key, text in labels.items()):
                total += float(value)
        return total

    def close(self):
        self._stack.close()


class HostAgent(agents.Agent):
    def __init__(self, host, *options):
        self.host = host
        super().__init__(host.place, *options, binaries=copy_of_binaries())

    def launch(self):
        if agents.verdict and not self.kept_verdict.exists():
            self.kept_verdict.write_text(agents.verdict[0])
        self.process = Process([self.binaries / "meshd", *self.options], self.log, self.host.enter, env=self.environment)
        return self

    def unload(self):
        at = self.options.index("--config")
        options = self.options[:at] + self.options[at + 2:]
        return self.host.netns.run(self.binaries / "meshd", "--unload", *options)

    def metrics(self):
        return run("curl", "-sSf", "--noproxy", "*", f"http://127.0.0.1:{self.metrics_port}/metrics", preexec_fn=self.host.netns.enter).stdout


class Mesh:
    """Hosts on one bridge, with certificates of one authority."""

    def __init__(self, count=2, label=""):
        self._stack = contextlib.ExitStack()
        try:
            self.link = self.keep(Namespace(f"{NAME}-link{label}"))
            self.link.ip("link", "add", "name", "mesh", "type", "bridge")
            self.link.ip("link", "set", "mesh", "up")
            self.hosts = [self.keep(Host(number, label)) for number in range(1, count + 1)]
            self.authority = Authority(self.hosts[0].place.root / "authority")
            for host in self.hosts:
                self._join(host)
                host.certify(self.authority)
                host.trust(self.authority)
        except BaseException:
            self.close()
            raise

    def keep(self, thing):
        self._stack.callback(thing.close)
        return thing

    def _join(self, host):
        host.netns.ip("link", "add", "eth0", "type", "veth", "peer", "name", host.name, "netns", self.link.name)
        self.link.ip("link", "set", host.name, "master", "mesh", "up")
        host.netns.ip("addr", "add", f"{host.address}/24", "dev", "eth0")
        host.netns.ip("addr", "add", f"{host.address6}/64", "dev", "eth0", "nodad")
        host.netns.ip("link", "set", "eth0", "up")
        host.netns.ip("route", "add", "default", "via", "10.1.0.254")
        host.netns.ip("-6", "route", "add", "default", "via", "fd01::fe")

    def publish(self, *services):
        """To all hosts that have an agent."""
        for host in self.hosts:
            host.place.registry.write(*services)
        for host in self.hosts:
            if host.agent:
                host.agent.wait_applied(*services)
        for host in self.hosts:
            if host.agent:
                wait_until(lambda host=host: self._routes(host), lambda host=host: f"the relay's listeners:\n{host.agent.output()}")

    @staticmethod
    def _routes(host):
        """Listeners are there when services are encrypted."""
        return f":{INBOUND}" in run("ss", "-Hltn", preexec_fn=host.netns.enter).stdout

    def close(self):
        self._stack.close()


def encrypted(*backends, address=(SERVICE, SERVICE6), **keys):
    return service("web", list(address), PORT, [backend(one.address, one.port) for one in backends], tls={"mode": "mutual"} | keys)


def start(mesh, **settings):
    for host in mesh.hosts:
        host.start(**settings)
    return mesh.hosts


@contextlib.contextmanager
def served(mesh, **keys):
    """An echo on the second host, behind the service that the first one's clients ask for."""
    client, server = start(mesh)
    echo = server.keep(TcpEcho("b", server.address, server.netns))
    mesh.publish(encrypted(echo, **keys))
    yield client, server, echo


def rules(host, *lines):
    host.place.registry.replace("policies:\n" + "".join(f"  - {line}\n" for line in lines), "rules")


def connect(host, address=SERVICE, port=PORT):
    with host.entered():
        made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    made.settimeout(patient(10))
    made.connect((address, port))
    return made
