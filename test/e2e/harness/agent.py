# SPDX-License-Identifier: Apache-2.0
"""A meshd in a place of its own."""

import contextlib
import itertools
import json
import os
import signal
import socket

from harness.api import Api, ApiError
from harness.place import copy_of_binaries
from harness.process import Process, marked_processes, run, wait_until

PLACE = "MESHD_TEST_PLACE"  # in the environment of an agent and of what it starts

# Ids of every map and program that an agent of this session ever had, to look for them at the end.
seen_maps = set()
seen_programs = set()

# What the self-test of the session's first agent said of this kernel: the others begin with it, as after a restart.
verdict = []


# Below those that the kernel gives by itself: a server which is started again finds its port free. Sessions side by side go through
# them from places of their own.
PORTS = range(10240, 32768)
_turns = itertools.count(os.getpid() * 977)


def free_port(family=socket.AF_INET, kind=socket.SOCK_STREAM):
    while True:
        port = PORTS[next(_turns) % len(PORTS)]
        with socket.socket(family, kind) as probe, contextlib.suppress(OSError):
            probe.bind(("", port))
            return port


def override(options, others):
    """Both lists are of pairs (a flag counts as one without a value and comes last): the others replace options of the same name."""
    pairs = dict(zip(options[::2], options[1::2])) | dict(zip(others[::2], others[1::2]))
    return [part for pair in pairs.items() for part in pair] + list(others[len(others) // 2 * 2:])


class Agent:
    def __init__(self, place, *options, binaries=None, environment=None):
        self.place = place
        self.binaries = binaries or copy_of_binaries()
        self.environment = os.environ | {PLACE: str(place.root)} | (environment or {})
        self.metrics_port = free_port()
        self.options = override([*place.options, "--metrics", f"127.0.0.1:{self.metrics_port}", "--log-level", "debug"], options)
        self.api = Api(place.socket)
        self.process = None
        self.log = place.root / "logs/agent.log"
        self.kept_verdict = place.root / "state/acceleration.json"

    def launch(self):
        """Starts the process without waiting for it to be ready."""
        if verdict and not self.kept_verdict.exists():
            self.kept_verdict.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(OSError):  # a directory that the test has filled: the agent tests for itself
                self.kept_verdict.write_text(verdict[0])
        self.process = Process([self.binaries / "meshd", *self.options], self.log, env=self.environment)
        return self

    def start(self, timeout=60):
        self.launch()
        wait_until(self._ready, lambda: f"the agent to be ready; its log:\n{self.process.output()}", timeout)
        self._note_ids()
        return self

    def _ready(self):
        assert self.process.running(), f"the agent ended with {self.process.child.returncode}:\n{self.process.output()}"
        return (self.try_status() or {"state": "starting"})["state"] != "starting"

    def try_status(self):
        try:
            return self.status()
        except (OSError, ApiError, ValueError):
            return None

    def _note_ids(self):
        if not verdict and self.kept_verdict.exists():
            verdict.append(self.kept_verdict.read_text())
        seen_maps.update(item["id"] for item in self.api.get("/v1/maps")["maps"])
        seen_programs.update(item["id"] for item in self.status()["programs"])

    def stop(self):
        return self.process.stop()

    def kill(self):
        self.process.stop(signal.SIGKILL)

    def reload(self):
        self.process.send(signal.SIGHUP)

    def output(self):
        return self.process.output()

    def unload(self):
        """Removes programs and pins. The agent must have ended before. A configuration may be one that a test has spoiled on purpose."""
        options = list(self.options)
        if "--config" in options:
            at = options.index("--config")
            del options[at:at + 2]
        return run(self.binaries / "meshd", "--unload", *options)

    def status(self):
        return self.api.get("/v1/status")

    def services(self):
        return {item["name"]: item for item in self.api.get("/v1/services")["services"]}

    def service(self, name):
        return self.api.get(f"/v1/services/{name}")["service"]

    def meshctl(self, *arguments, check=True):
        return run(self.binaries / "meshctl", "--socket", self.place.socket, *arguments, check=check)

    def meshctl_json(self, *arguments):
        return json.loads(self.meshctl(*arguments, "-o", "json").stdout)

    def metrics(self):
        return run("curl", "-sSf", "--noproxy", "*", f"http://127.0.0.1:{self.metrics_port}/metrics").stdout

    def wait_applied(self, *services, timeout=10):
        """Until exactly these services (as harness.registry.service made them) are in the kernel."""
        wait_until(lambda: self._applied(services), lambda: f"services to be applied; they are\n{json.dumps(self.services(), indent=1)}\n"
                   f"{json.dumps(self.status()['registry'], indent=1)}", timeout)

    def _applied(self, services):
        view = self.services()
        return set(view) == {item["name"] for item in services} and all(_matches(view[item["name"]], item) for item in services)

    def wait_status(self, condition, what, timeout=10):
        return wait_until(lambda: condition(self.status()), lambda: f"{what}; status is\n{json.dumps(self.status(), indent=1)}", timeout)

    def worker_pid(self):
        return self.status()["worker"]["pid"]

    def close(self):
        """Whatever state the agent is in: nothing of it is left."""
        if self.process is not None:
            self.process.stop()
            self.unload()
            wait_until(lambda: not self.own_processes(), lambda: f"{self.own_processes()} to end")

    def own_processes(self):
        """The agent and its workers."""
        return marked_processes(PLACE, self.place.root)


def _is_encrypted_as(view, item):
    usual = {"mode": "off", "accept": "strict", "same_node": "plain"}
    if item.get("mode") == "originate":
        usual |= {"server_name": "", "credentials": "", "alpn": [], "min_version": "1.2"}
    return usual | view == usual | item


def _matches(view, item):
    """Whether the agent's view of a service is what a file said, as far as tests change it. What becomes of backends afterwards is no
    matter of the file."""
    balancing = item.get("balancing", "random")
    policy = balancing.get("policy", "random") if isinstance(balancing, dict) else balancing
    if view["status"] != "applied" or view["balancing"] != policy or not _is_encrypted_as(view.get("tls", {}), item.get("tls", {})):
        return False
    said = {"unhealthy": "ready", "ejected": "ready"}
    return all({(one["address"], one["port"], one["weight"], said.get(one["state"], one["state"])) for one in port["backends"]} ==
               {(one["address"], one["ports"][port["name"]] if "ports" in one else one["port"], one.get("weight", 1),
                 one.get("state", "ready")) for one in item["backends"]} for port in view["ports"])


def bpf_leftovers():
    """Maps and programs of this session's agents that the kernel still has."""
    progs = {item["id"] for item in json.loads(run("bpftool", "prog", "show", "-j").stdout or "[]")}
    maps = {item["id"] for item in json.loads(run("bpftool", "map", "show", "-j").stdout or "[]")}
    return sorted(f"program {number}" for number in seen_programs & progs) + sorted(f"map {number}" for number in seen_maps & maps)
