# SPDX-License-Identifier: Apache-2.0
"""A real etcd with one member, spoken to by its JSON gateway and, for users and roles, by etcdctl."""

import base64
import contextlib
import json
import os
import shutil
import signal
import ssl
import urllib.error
import urllib.request

from harness.agent import free_port
from harness.process import Process, run, wait_until
from harness.registry import document

PREFIX = "/meshd/"


def encode(text):
    return base64.b64encode(text.encode()).decode()


def decode(text):
    return base64.b64decode(text).decode()


def peer_url():
    return f"http://127.0.0.1:{free_port()}"


def cluster(directory, size):
    """Its members, which have found each other."""
    peers = [peer_url() for _ in range(size)]
    members = [Etcd(directory / f"etcd{number}", peers=peers[number:] + peers[:number]) for number in range(size)]
    for each in (Etcd.launch, Etcd.wait_ready):
        for member in members:
            each(member)
    return members


class Etcd:
    """In a namespace when one is given; the data outlive its end. `certificate` and `key` make it speak TLS."""

    def __init__(self, directory, netns=None, authority=None, certificate=None, key=None, name="127.0.0.1", peers=None):
        """`peers`: URLs of all members of its cluster, its own first."""
        self.directory, self.netns, self.authority = directory, netns, authority
        directory.mkdir()
        self.address = netns.address if netns else "127.0.0.1"
        scheme = "https" if certificate else "http"
        self.port = free_port()
        self.url = f"{scheme}://{name if not netns else self.address}:{self.port}"
        self.own_url = f"{scheme}://127.0.0.1:{self.port}"
        peers = peers or [peer_url()]
        member = {url: f"member{url.rpartition(':')[2]}" for url in peers}
        listen = ",".join({self.own_url, f"{scheme}://{self.address}:{self.port}"})
        self.command = ["etcd", "--name", member[peers[0]], "--data-dir", directory / "data", "--listen-client-urls", listen,
                        "--advertise-client-urls", self.own_url, "--listen-peer-urls", peers[0],
                        "--initial-advertise-peer-urls", peers[0],
                        "--initial-cluster", ",".join(f"{member[url]}={url}" for url in peers), "--unsafe-no-fsync", "--log-level", "error",
                        *(["--cert-file", certificate, "--key-file", key] if certificate else [])]
        self.process = None
        self.token = None
        if len(peers) == 1:
            self.start()

    def start(self):
        self.launch()
        self.wait_ready()

    def launch(self):
        self.process = Process(self.command, self.directory / "log", self.netns.enter if self.netns else None)

    def wait_ready(self):
        """It answers, and its cluster has a leader."""
        wait_until(self._ready, lambda: f"etcd:\n{self.process.output()}", timeout=30)

    def _ready(self):
        assert self.process.running(), self.process.output()
        try:
            return int(self.call("maintenance/status", {}).get("leader", 0)) != 0
        except (OSError, urllib.error.URLError):
            return None

    def stop(self):
        self.process.stop()

    def kill(self):
        self.process.stop(signal.SIGKILL)

    def call(self, what, body, timeout=10):
        """As a client on etcd's own host: whatever becomes of the way to it."""
        context = ssl.create_default_context(cafile=self.authority) if self.authority else None
        if context:
            context.check_hostname = False
        handlers = [urllib.request.ProxyHandler({})] + ([urllib.request.HTTPSHandler(context=context)] if context else [])
        headers = {"Content-Type": "application/json"} | ({"Authorization": self.token} if self.token else {})
        request = urllib.request.Request(f"{self.own_url}/v3/{what}", json.dumps(body).encode(), headers)
        with self.netns.entered() if self.netns else contextlib.nullcontext():
            with urllib.request.build_opener(*handlers).open(request, timeout=timeout) as answer:
                return json.load(answer)

    def put(self, key, *services, text=None, lease=None):
        body = {"key": encode(PREFIX + key), "value": encode(document(services) if text is None else text)}
        return self.call("kv/put", body | ({"lease": lease} if lease else {}))

    def put_all(self, values):
        """At one revision: services by key, at most 128 of them."""
        return self.call("kv/txn", {"success": [{"requestPut": {"key": encode(PREFIX + key), "value": encode(document([one]))}}
                                                for key, one in values.items()]})

    def delete(self, key):
        self.call("kv/deleterange", {"key": encode(PREFIX + key)})

    def lease(self, seconds):
        return self.call("lease/grant", {"TTL": str(seconds)})["ID"]

    def revoke(self, lease):
        with contextlib.suppress(urllib.error.HTTPError):  # it has run out
            self.call("kv/lease/revoke", {"ID": lease})

    def contents(self):
        """Values by key, without the prefix."""
        answer = self.call("kv/range", {"key": encode(PREFIX), "range_end": encode(PREFIX[:-1] + chr(ord(PREFIX[-1]) + 1))})
        return {decode(item["key"])[len(PREFIX):]: decode(item.get("value", "")) for item in answer.get("kvs", [])}

    def revision(self):
        return int(self.call("kv/range", {"key": encode("x")})["header"]["revision"])

    def compact(self):
        self.call("kv/compaction", {"revision": str(self.revision()), "physical": True})

    def ctl(self, *arguments):
        return run("etcdctl", "--endpoints", self.own_url, *arguments,
                   env=os.environ | {"ETCDCTL_API": "3"} | ({"ETCDCTL_CACERT": str(self.authority)} if self.authority else {}),
                   preexec_fn=self.netns.enter if self.netns else None)

    def require_users(self, user, password):
        """From now on only root, and `user` below the prefix, are answered."""
        for name, word in (("root", "secret"), (user, password)):
            self.ctl("user", "add", f"{name}:{word}")
        self.ctl("role", "add", "reader")
        self.ctl("role", "grant-permission", "reader", "--prefix=true", "read", PREFIX)
        self.ctl("user", "grant-role", user, "reader")
        self.ctl("role", "add", "root")
        self.ctl("user", "grant-role", "root", "root")
        self.ctl("auth", "enable")
        self.token = self.call("auth/authenticate", {"name": "root", "password": "secret"})["token"]

    def close(self):
        if self.process is not None:
            self.process.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
