# SPDX-License-Identifier: Apache-2.0
"""Policies: files with rules, settings, and what a connection meets."""

import contextlib
import errno
import json
import socket

from harness import echo
from harness.process import patient, wait_until
from harness.registry import backend, service

DENIED = errno.EPERM
V4, V6 = "10.96.0.40", "fd00:96::40"


def rule(name, action, source=None, **to):
    made = {"name": name, "action": action}
    if source:
        made["from"] = source
    if to:
        made["to"] = to
    return made


def workload_of(cgroup, mount):
    return "/" + str(cgroup.path.relative_to(mount))


class Policy:
    """The policy of one world. Its settings are those of the agent's configuration file."""

    def __init__(self, world, default="allow", mode="enforce", settings=""):
        self.world = world
        self.other_settings = settings
        self.settings = world.place.root / "meshd.yaml"
        self.set(default, mode)
        self.agent = world.agent("--config", self.settings, start=False)

    def set(self, default="allow", mode="enforce"):
        self.settings.write_text(f"policy: {{default: {default}, mode: {mode}}}\n{self.other_settings}", encoding="utf-8")

    def start(self):
        self.agent.start()
        return self

    def view(self):
        return self.agent.api.get("/v1/policy")

    def rules(self, *rules, wait=True):
        """Until exactly these rules are in force."""
        self.world.registry.replace(json.dumps({"policies": rules}), "policy")
        if wait:
            self.wait(lambda view: {one["name"]: (one["action"], one["from"], one["to"]) for one in view["rules"]} ==
                      {one["name"]: (one["action"], one.get("from", {}), one.get("to", {})) for one in rules})

    def wait(self, condition):
        return wait_until(lambda: condition(self.view()), lambda: f"the policy; it is {json.dumps(self.view(), indent=1)}")

    def hits(self, name):
        return next(one["hits"] for one in self.view()["rules"] if one["name"] == name)

    def check(self, source, to, *options):
        return json.loads(self.agent.meshctl("policy", "check", source, to, *options, "-o", "json", check=False).stdout)


def verdict(world, address, port, kind=socket.SOCK_STREAM, bound=None, cgroup=None):
    """0, or the errno of connect()."""
    with (cgroup or world.cgroup).entered():
        made = socket.socket(echo.family_of(address), kind)
    made.settimeout(patient(5))
    with contextlib.closing(made):
        if bound:
            made.bind((bound, 0))
        return made.connect_ex((address, port))


def datagram(world, address, port):
    """0, or the errno of sendto() on a socket that is not connected."""
    with echo.udp_socket(world, echo.family_of(address)) as client:
        try:
            client.sendto(b"?", (address, port))
        except OSError as error:
            return error.errno
    return 0


def with_services(world):
    """A service with a TCP and a UDP port, and direct addresses beside it."""
    world.tcp = world.tcp_echo("tcp")
    world.tcp6 = world.tcp_echo("tcp6", "::1")
    world.udp = world.udp_echo("udp")
    world.udp6 = world.udp_echo("udp6", "::1")
    world.services = [service("web", [V4, V6], 80, [backend("127.0.0.1", world.tcp.port), backend("::1", world.tcp6.port)]),
                      service("names", [V4, V6], 53, [backend("127.0.0.1", world.udp.port), backend("::1", world.udp6.port)], "udp")]
    world.registry.write(*world.services)
    return world


def start(world, *rules, default="allow", mode="enforce"):
    made = Policy(world, default, mode)
    if rules:
        made.rules(*rules, wait=False)
    made.start()
    made.agent.wait_applied(*world.services)
    made.wait(lambda view: len(view["rules"]) == len(rules))
    return made
