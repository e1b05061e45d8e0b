# SPDX-License-Identifier: Apache-2.0
"""Fleets of services in real registries: how they are filled and changed, and a bare client that is told of each change."""

import concurrent.futures
import http.client
import json
import pathlib
import queue
import socket
import ssl
import threading
import time
import urllib.parse

from harness import kube_objects
from harness.consul import BINARY as CONSUL
from harness.consul import Consul
from harness.etcd import PREFIX, Etcd, encode
from harness.kubernetes import REAL as KUBERNETES
from harness.kubernetes import KubeApi
from harness.registry import backend, document, service

BACKENDS = 10
AT_ONCE = 100  # services in a transaction of etcd
CLIENTS = 8    # that fill an API server


class Notifications:
    """What the server itself tells a client that watches: when each change came."""

    def __init__(self, url, method, path, is_change, body=None, headers=None, context=None):
        self.told, self.is_change = queue.Queue(), is_change
        address = urllib.parse.urlsplit(url)
        kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        self.connection = kind(address.hostname, address.port, **({"context": context} if context else {}))
        self.connection.request(method, path, body, headers or {})
        self.sock = self.connection.sock
        self.answer = self.connection.getresponse()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            while line := self.answer.readline():
                if self.is_change(json.loads(line)):
                    self.told.put(time.monotonic())
        except (OSError, ValueError, http.client.HTTPException):
            pass  # it has been closed

    def next(self):
        return self.told.get(timeout=10)

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.connection.close()


class EtcdFleet:
    pause = 0.0  # s between two changes

    def __init__(self, world, count):
        self.etcd = world.keep(Etcd(world.place.root / "etcd"))
        self.count = count
        self.registry = {"etcd": {"endpoints": [self.etcd.url]}}
        for start in range(0, count, AT_ONCE):
            self.etcd.put_all({self.name(number): self.item(number, 1) for number in range(start, min(start + AT_ONCE, count))})

    def name(self, number):
        return f"s{number}"

    def item(self, number, weight):
        hosts = [backend(f"172.16.{number % 250}.{host}", 8000 + number // 250, weight=weight if host == 1 else 1)
                 for host in range(1, BACKENDS + 1)]
        return service(self.name(number), f"10.100.{number // 256}.{number % 256}", 80, hosts, balancing="weighted")

    def change(self, number, turn):
        self.etcd.call("kv/put", {"key": encode(PREFIX + self.name(number)), "value": encode(document([self.item(number, 2 + turn % 900)]))})

    def watch(self):
        body = {"create_request": {"key": encode(PREFIX), "range_end": encode(PREFIX[:-1] + chr(ord(PREFIX[-1]) + 1))}}
        return Notifications(self.etcd.url, "POST", "/v3/watch", lambda told: "events" in told.get("result", {}), json.dumps(body),
                             {"Content-Type": "application/json"})


class KubernetesFleet:
    pause = 0.0

    def __init__(self, world, count):
        assert KUBERNETES, "no kube-apiserver: scripts/build-kube-apiserver.sh builds one"
        self.api = world.keep(KubeApi())
        self.count = count
        token = world.place.root / "token"
        token.write_text(self.api.token())
        token.chmod(0o644)
        config = world.place.root / "kubeconfig"
        config.write_text(json.dumps({  # JSON is YAML
            "apiVersion": "v1", "kind": "Config", "current-context": "it",
            "clusters": [{"name": "it", "cluster": {"server": self.api.url, "certificate-authority": str(self.authority(world))}}],
            "users": [{"name": "it", "user": {"tokenFile": str(token)}}],
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}]}))
        config.chmod(0o644)
        self.registry = {"kubernetes": {"kubeconfig": str(config)}}
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as clients:
            list(clients.map(self.make, range(count)))

    def authority(self, world):
        copy = pathlib.Path(world.place.root / "ca.crt")
        copy.write_text(self.api.authority())
        copy.chmod(0o644)
        return copy

    def name(self, number):
        return f"{kube_objects.NAMESPACE}/s{number}"

    def endpoints(self, number, turn):
        first = f"172.17.{turn % 250}.{turn // 250 + 1}" if turn else f"172.16.{number % 250}.1"
        rest = [f"172.{20 + number // 250}.{number % 250}.{host}" for host in range(2, BACKENDS + 1)]
        return kube_objects.endpoint_slice(f"s{number}", f"s{number}", *map(kube_objects.endpoint, [first, *rest]))

    def make(self, number):
        self.api.call("POST", self.api.path("services"), kube_objects.service(f"s{number}", f"10.96.{number // 250 + 1}.{number % 250 + 1}"), timeout=60)
        self.api.call("POST", self.api.path("endpointslices"), self.endpoints(number, 0), timeout=60)

    def change(self, number, turn):
        self.api.call("PATCH", self.api.path("endpointslices", f"s{number}"), {"endpoints": self.endpoints(number, turn + 1)["endpoints"]},
                      "application/merge-patch+json")

    def watch(self):
        version = self.api.call("GET", self.api.path("endpointslices") + "?limit=1")["metadata"]["resourceVersion"]
        context = ssl.create_default_context(cafile=self.api.certificate)
        return Notifications(self.api.url, "GET", f"{self.api.path('endpointslices')}?watch=true&resourceVersion={version}",
                             lambda told: told["type"] == "MODIFIED", headers={"Authorization": "Bearer admin-of-the-test"}, context=context)


class ConsulFleet:
    """Services with a virtual address. Only the first is changed: a bare client can wait for one service at a time."""

    pause = 0.06  # the agent leaves 50 ms between an answer and its next question, and gathers what changes meanwhile

    def __init__(self, world, count):
        assert CONSUL, "no consul: scripts/fetch-servers.sh fetches one"
        self.consul = world.keep(Consul(world.place.root / "consul"))
        self.count = 1
        self.registry = {"consul": {"url": self.consul.url}}
        for number in range(count):
            self.put(number, 0)

    def name(self, number):
        return f"s{number}"

    def put(self, number, turn):
        self.consul.call("PUT", "catalog/register", {
            "Node": "elsewhere", "Address": "127.0.0.1", "SkipNodeUpdate": number > 0,
            "Service": {"ID": self.name(number), "Service": self.name(number), "Address": f"172.16.{turn % 250}.{turn // 250 + 1}", "Port": 8080,
                        "TaggedAddresses": {"virtual": {"Address": f"10.97.{number // 250}.{number % 250 + 1}", "Port": 80}}}})

    def change(self, number, turn):
        self.put(number, turn + 1)

    def watch(self):
        return BlockingQuery(self.consul.url, f"/v1/health/service/{self.name(0)}")


class BlockingQuery:
    """As Notifications, for Consul: one held question after the other."""

    def __init__(self, url, path):
        self.told, self.path, self.ended = queue.Queue(), path, False
        address = urllib.parse.urlsplit(url)
        self.connection = http.client.HTTPConnection(address.hostname, address.port)
        self.index = self.ask(None)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def ask(self, index):
        self.connection.request("GET", self.path + (f"?index={index}&wait=5s" if index else ""))
        answer = self.connection.getresponse()
        answer.read()
        return int(answer.headers["X-Consul-Index"])

    def run(self):
        while not self.ended:
            index = self.ask(self.index)
            if index != self.index:
                self.told.put(time.monotonic())
            self.index = index

    def next(self):
        return self.told.get(timeout=10)

    def close(self):
        self.ended = True
        self.thread.join()
        self.connection.close()
