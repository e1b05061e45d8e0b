# SPDX-License-Identifier: Apache-2.0
"""A real Consul with one server, spoken to by its HTTP API."""

import json
import os
import pathlib
import shutil
import signal
import urllib.error
import urllib.request

import pytest

from harness.agent import free_port
from harness.process import Process, wait_until

PREFIX = "meshd/"
MASTER = "3c5b4b1a-9f0e-4f2b-8a77-5d8f0a6f2b11"  # the token that may do everything
CACHES = (pathlib.Path("/var/cache/meshd"), pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "meshd")
BINARY = shutil.which("consul") or next((str(path / "consul") for path in CACHES if (path / "consul").exists()), None)

needed = pytest.mark.skipif(BINARY is None, reason="no consul: scripts/fetch-servers.sh could not fetch it, or was not run")


class Consul:
    """Its data outlive its end. `acl` refuses whatever no token allows; `certificate` and `key` make it speak TLS, beside plain HTTP."""

    def __init__(self, directory, acl=False, certificate=None, key=None, **settings):
        self.directory, self.acl = directory, acl
        directory.mkdir()
        ports = {name: free_port() for name in ("http", "server", "serf_lan", "serf_wan")} | {"dns": -1, "grpc": -1}
        if certificate:
            ports["https"] = free_port()
            settings |= {"cert_file": str(certificate), "key_file": str(key)}
        if acl:
            settings["acl"] = {"enabled": True, "default_policy": "deny", "tokens": {"master": MASTER, "agent": MASTER}}
        self.settings = {"data_dir": str(directory / "data"), "node_name": "node1", "server": True, "bootstrap_expect": 1, "ports": ports,
                         "bind_addr": "127.0.0.1", "client_addr": "127.0.0.1", "disable_update_check": True, "disable_host_node_id": True,
                         "performance": {"raft_multiplier": 1}, "leave_on_terminate": False, "log_level": "warn", **settings}
        (directory / "consul.json").write_text(json.dumps(self.settings))
        self.url = f"http://127.0.0.1:{ports['http']}"
        self.tls_port = ports.get("https")
        self.process = None
        self.start()

    def start(self):
        self.process = Process([BINARY, "agent", "-config-file", self.directory / "consul.json"], self.directory / "log")
        wait_until(self._ready, lambda: f"Consul:\n{self.process.output()}", timeout=60)

    def _ready(self):
        assert self.process.running(), self.process.output()
        try:
            # Of the agent itself: the leader has taken its node in, and knows its tokens.
            return any(node["Node"] == "node1" for node in self.call("GET", "catalog/nodes"))
        except (OSError, urllib.error.URLError):
            return None

    def stop(self):
        self.process.stop()

    def kill(self):
        self.process.stop(signal.SIGKILL)

    def forget(self):
        """Everything it knows. It must have ended before."""
        shutil.rmtree(self.directory / "data")

    def call(self, method, path, body=None, raw=None, timeout=10):
        headers = {"X-Consul-Token": MASTER} if self.acl else {}
        data = raw.encode() if raw is not None else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/v1/{path}", data, headers, method=method)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=timeout) as answer:
            text = answer.read()
        return json.loads(text) if text.strip() else None

    def register(self, name, target, number=1, virtual=None, **keys):
        """An instance NAME-NUMBER of the service, which is passing."""
        tagged = {"TaggedAddresses": {"virtual": {"Address": virtual[0], "Port": virtual[1]}}} if virtual else {}
        self.call("PUT", "agent/service/register",
                  {"ID": f"{name}-{number}", "Name": name, "Address": "127.0.0.1", "Port": target.port,
                   "Check": {"CheckID": f"check-{name}-{number}", "TTL": "24h", "Status": "passing"}, **tagged, **keys})
        self.check(name, "pass", number)  # what is said of a check by hand outlives Consul, what it begins with does not

    def register_many(self, count, target):
        """Services many0… with addresses 10.97.X.Y, straight in the catalog."""
        for number in range(count):
            self.call("PUT", "catalog/register", {
                "Node": "elsewhere", "Address": "127.0.0.1", "SkipNodeUpdate": number > 0,
                "Service": {"ID": f"many{number}", "Service": f"many{number}", "Address": "127.0.0.1", "Port": target.port,
                            "TaggedAddresses": {"virtual": {"Address": f"10.97.{number // 250}.{number % 250 + 1}", "Port": 7}}}})

    def deregister(self, name, number=1):
        self.call("PUT", f"agent/service/deregister/{name}-{number}")

    def check(self, name, status, number=1):
        """status: pass, warn or fail"""
        self.call("PUT", f"agent/check/{status}/check-{name}-{number}")

    def maintenance(self, name, on, number=1):
        self.call("PUT", f"agent/service/maintenance/{name}-{number}?enable={str(on).lower()}&reason=test")

    def put(self, key, text):
        self.call("PUT", f"kv/{PREFIX}{key}", raw=text)

    def delete(self, key):
        self.call("DELETE", f"kv/{PREFIX}{key}")

    def token(self, rules):
        """One with a policy of these rules: its accessor and its secret."""
        policy = self.call("PUT", "acl/policy", {"Name": f"policy{free_port()}", "Rules": rules})
        made = self.call("PUT", "acl/token", {"Policies": [{"ID": policy["ID"]}]})
        return made["AccessorID"], made["SecretID"]

    def drop_token(self, accessor):
        self.call("DELETE", f"acl/token/{accessor}")

    def close(self):
        if self.process is not None:
            self.process.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
