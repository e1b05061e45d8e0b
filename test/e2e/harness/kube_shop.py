# SPDX-License-Identifier: Apache-2.0
"""An agent that follows an API server, and backends on addresses of their own to lead to."""

import json
import shutil
import socket

from harness import echo
from harness.kube_objects import NAMESPACE, PORT, endpoint, endpoint_slice, node, service
from harness.process import Process, wait_until

HERE, THERE = "here", "there"  # names of this node and another one


def write_kubeconfig(directory, api, token=None):
    """With what it names beside it. Returns its path."""
    (directory / "token").write_text(token or api.token())
    cluster = {"server": api.url}
    if api.authority():
        (directory / "ca.crt").write_text(api.authority())
        cluster["certificate-authority"] = "ca.crt"
    kubeconfig = directory / "kubeconfig"
    kubeconfig.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "meshd"}}],
        "clusters": [{"name": "test", "cluster": cluster}], "users": [{"name": "meshd", "user": {"tokenFile": "token"}}]}))
    return kubeconfig


class Shop:
    def __init__(self, world, api, name):
        self.world, self.api = world, api
        self.directory = world.place.root / "kubernetes"
        self.directory.mkdir()
        self.a, self.b = self._backend("a"), self._backend("b")
        self.agent = None
        api.begin(name, {"a": self.a.address, "b": self.b.address})

    def _backend(self, name):
        netns = self.world.netns(name)
        return self.world.keep(echo.TcpEcho(name, netns.address, netns, PORT))

    # ---- What the agent reads ----

    def settings(self, token=None, hold="100%", node=HERE):
        """Writes the kubeconfig and what leads to it. Returns the path of the configuration, a mapping in braces."""
        kubeconfig = write_kubeconfig(self.directory, self.api, token)
        path = self.world.place.root / "kubernetes.yaml"
        path.write_text(json.dumps({"registry": {"kubernetes": {"kubeconfig": str(kubeconfig), "node": node}, "hold": {"share": hold}}}))
        return path

    def write_token(self, token):
        (self.directory / "token").write_text(token)

    def follow(self, **keys):
        self.agent = self.world.agent("--config", self.settings(**keys))
        return self

    # ---- What is seen of it ----

    def registry(self):
        def listed():  # the worker may have begun a moment ago
            return next((one for one in self.agent.api.get("/v1/registries")["registries"] if one["name"] == "kubernetes"), None)
        return wait_until(listed, "the registry to be listed")

    def states(self, name):
        """Of the backends of the service's first port by the names of their echoes; None: there is no such service."""
        found = self.agent.services().get(f"{NAMESPACE}/{name}")
        if found is None or found["status"] != "applied":
            return None
        names = {self.a.address: "a", self.b.address: "b"}
        return {names.get(one["address"], one["address"]): one["state"] for one in found["ports"][0]["backends"]}

    def wait(self, name, timeout=15, **states):
        wait_until(lambda: self.states(name) == states, lambda: f"{name} to be {states}: {self.states(name)}\n{self.registry()}", timeout)

    def wait_gone(self, name, timeout=20):
        wait_until(lambda: self.states(name) is None, lambda: f"{name} to go: {self.states(name)}", timeout)

    def wait_error(self, *words, timeout=30):
        return wait_until(lambda: all(word in self.registry()["error"] for word in words) and self.registry()["error"],
                          lambda: f"{words} in {self.registry()['error']!r}", timeout)

    def wait_well(self, timeout=40):
        wait_until(lambda: self.registry()["state"] == "ok", lambda: f"it to be well: {self.registry()}", timeout)

    def reached(self, address, port=80, times=20):
        """Names of those that take connections."""
        return {echo.who(self.world, address, port) for _ in range(times)}

    def refusal(self, address, port=80):
        """The errno of a connection that is not made."""
        try:
            echo.connect(self.world, address, port).close()
        except OSError as error:
            return error.errno
        return None

    def close(self):
        self.api.end()
        shutil.rmtree(self.directory, ignore_errors=True)


def two_backends(shop, follow=True, **spec):
    """Service `web` with a on this node and b on another one."""
    if follow:
        shop.follow()
    shop.api.put("nodes", node(HERE, "192.0.2.1"))
    shop.api.put("nodes", node(THERE, "192.0.2.2", "b"))
    shop.api.put("services", service("web", "10.96.7.10", **spec))
    shop.api.put("endpointslices", endpoint_slice("web-1", "web", endpoint(shop.a, node=HERE), endpoint(shop.b, node=THERE)))


class Relay:
    """Makes a port of this host's loopback one of a namespace's loopback."""

    def __init__(self, world, port, netns):
        path = world.place.root / f"relay{port}"
        self.processes = [Process(["socat", f"UNIX-LISTEN:{path},fork", f"TCP:127.0.0.1:{port}"], world.place.root / "logs/relay-out"),
                          Process(["socat", f"TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr", f"UNIX-CONNECT:{path}"],
                                  world.place.root / "logs/relay-in", netns.enter)]

        def listens():
            with netns.entered(), socket.socket() as probe:
                return path.exists() and probe.connect_ex(("127.0.0.1", port)) == 0
        wait_until(listens, "the relay to listen")

    def close(self):
        for process in self.processes:
            process.stop()
