# SPDX-License-Identifier: Apache-2.0
"""What the agent and its worker may do, and what becomes of those who try more."""

import json
import pathlib
import re

import pytest

from harness.echo import TcpEcho
from harness.process import run, wait_until
from harness.registry import backend, service

TOP = pathlib.Path(__file__).resolve().parents[2]
# docs/security.md
KEPT = {"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE",
        "CAP_NET_ADMIN", "CAP_SYS_PTRACE", "CAP_SYS_ADMIN", "CAP_SYS_RESOURCE", "CAP_PERFMON", "CAP_BPF"}
# linux/capability.h
NUMBERS = {"CAP_CHOWN": 0, "CAP_DAC_OVERRIDE": 1, "CAP_FOWNER": 3, "CAP_KILL": 5, "CAP_SETGID": 6, "CAP_SETUID": 7, "CAP_SETPCAP": 8,
           "CAP_NET_BIND_SERVICE": 10, "CAP_NET_ADMIN": 12, "CAP_SYS_PTRACE": 19, "CAP_SYS_ADMIN": 21, "CAP_SYS_RESOURCE": 24,
           "CAP_PERFMON": 38, "CAP_BPF": 39}

# Exit 0 when nothing of it is possible. Numbers of system calls are those of x86-64 and of the table that newer architectures share.
ATTEMPTS = """
import ctypes, errno, os, platform, socket, sys
x86 = platform.machine() == "x86_64"
libc = ctypes.CDLL(None, use_errno=True)
calls = {"bpf": (321, 280), "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "ptrace": (101, 117), "keyctl": (250, 219),
         "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425), "process_vm_readv": (310, 270),
         "open_by_handle_at": (304, 265), "personality": (135, 92), "clone": (56, 220)}
passed = []
for name, numbers in calls.items():
    ctypes.set_errno(0)
    first = 0x10000000 if name in ("unshare", "clone") else 0
    result = libc.syscall(numbers[0 if x86 else 1], ctypes.c_long(first), 0, 0, 0, 0, 0)
    if result == 0 and name == "clone":
        os._exit(0)
    if result != -1 or ctypes.get_errno() != errno.EPERM:
        passed.append(name)
for family in (socket.AF_PACKET, 38, 40):  # AF_ALG, AF_VSOCK
    try:
        socket.socket(family, socket.SOCK_DGRAM if family != 38 else socket.SOCK_SEQPACKET)
        passed.append(str(family))
    except OSError as error:
        if error.errno != errno.EAFNOSUPPORT:
            passed.append(str(family))
print(*passed)
sys.exit(1 if passed else 0)
"""


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as lines:
        return dict(line.rstrip("\n").split(":\t", 1) for line in lines if ":\t" in line)


def test_the_agent_keeps_what_it_needs_and_the_worker_nothing(world):
    agent = world.agent()
    mask = sum(1 << NUMBERS[name] for name in KEPT) & int(status_of("self")["CapPrm"], 16)
    own = status_of(agent.process.pid)
    assert {key: int(own[key], 16) for key in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb")} == {
        "CapEff": mask, "CapPrm": mask, "CapBnd": mask, "CapInh": 0, "CapAmb": 0}
    assert own["NoNewPrivs"] == "1"
    theirs = status_of(agent.worker_pid())
    assert {int(theirs[key], 16) for key in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb")} == {0}
    assert theirs["NoNewPrivs"] == "1" and theirs["Seccomp"] == "2"
    assert set(theirs["Uid"].split()) == {"65534"}


def test_what_is_documented_and_granted_is_what_is_kept():
    text = (TOP / "docs/security.md").read_text()
    assert set(re.findall(r"^\| `(CAP_\w+)`", text, re.MULTILINE)) == KEPT
    unit = (TOP / "deploy/systemd/meshd.service.in").read_text()
    assert set(re.search(r"^CapabilityBoundingSet=(.*)$", unit, re.MULTILINE).group(1).split()) == KEPT


def test_nothing_that_the_worker_starts_can_do_what_no_worker_needs(world):
    agent = world.agent()
    echo = world.keep(TcpEcho("a"))
    script = world.place.root / "attempts.py"
    script.write_text(ATTEMPTS)
    script.chmod(0o644)
    probe = {"type": "exec", "interval": "2s", "timeout": "2s", "healthy": 1, "unhealthy": 1, "initial": "unhealthy",
             "command": ["/usr/bin/python3", str(script)]}
    made = service("web", ["10.96.0.10"], 80, [backend(echo.address, echo.port)], health={"probe": probe})
    world.registry.write(made)
    agent.wait_applied(made)

    def found():
        return agent.service("web")["ports"][0]["backends"][0]["health"]
    wait_until(lambda: found()["since"] and found()["state"] == "healthy", lambda: f"all to be refused: {found()}", timeout=20)


@pytest.mark.parametrize("dropped, named", [("-bpf,-perfmon", "CAP_BPF, CAP_PERFMON"), ("-setpcap", "CAP_SETPCAP")])
def test_a_missing_capability_is_named(world, dropped, named):
    agent = world.agent(start=False)
    done = run("setpriv", f"--bounding-set={dropped}", agent.binaries / "meshd", *agent.options, check=False)
    assert done.returncode == 1
    assert f"it lacks {named}" in done.stderr and "CapabilityBoundingSet=" in done.stderr


LIAR = """#!/usr/bin/python3
import json, pathlib, socket, struct, sys, time
said = pathlib.Path(sys.argv[0]).with_suffix(".json")
channel = socket.socket(fileno=3)
def say(message):
    text = json.dumps(message).encode()
    channel.sendall(struct.pack(">I", len(text)) + text)
say({"type": "hello", "version": "1", "pid": 1})
told = 0
while True:
    messages = json.loads(said.read_text())
    for message in messages[told:]:
        say(message)
    told = len(messages)
    time.sleep(0.05)
"""


def named(name, address, target):
    return {"name": name, "addresses": [address], "source": "file:/nowhere.yaml", "balancing": "random", "when_no_backend": "refuse",
            "ports": [{"name": "", "port": 80, "protocol": "tcp", "backends": [{"address": target, "port": 8080, "weight": 1, "state": "ready"}]}]}


def test_a_worker_that_lies_adds_no_backend_outside_of_the_bounds(world):
    place = world.place
    config = place.root / "meshd.yaml"
    config.write_text("bounds: {addresses: [10.96.0.0/16], backends: [10.1.0.0/16, 'fd00::/8']}\n")
    liar = place.root / "liar"
    liar.write_text(LIAR)
    liar.chmod(0o755)
    said = []

    def say(*upsert, **keys):
        said.append({"type": "delta", "sequence": len(said) + 1, "full": not said, "last": True, "complete": True, "remove": [],
                     "upsert": list(upsert)} | keys)
        beside = place.root / "liar.new"
        beside.write_text(json.dumps(said))
        beside.replace(place.root / "liar.json")

    say(named("good", "10.96.0.1", "10.1.0.1"), named("evil", "10.96.0.2", "192.0.2.1"), named("stolen", "192.0.2.7", "10.1.0.1"))
    agent = world.agent("--config", config, "--worker", liar)

    def refused():
        return {one["feature"]: one["reason"] for one in agent.status()["degraded"]}.get("bounds", "")
    wait_until(lambda: "1 more" in refused(), agent.output)
    assert "service evil is refused: backend 192.0.2.1:8080 is not within bounds.backends" in refused()
    assert [one["name"] for one in agent.api.get("/v1/services")["services"]] == ["good"]
    say(named("good", "10.96.0.1", "203.0.113.9"), remove=["evil", "stolen"])
    wait_until(lambda: "service good is refused: backend 203.0.113.9:8080" in refused(), refused)
    assert "10.1.0.1" in json.dumps(agent.service("good")) and "203.0.113.9" not in json.dumps(agent.service("good"))
    say(named("good", "10.96.0.1", "10.1.0.2"))
    wait_until(lambda: refused() == "" and "10.1.0.2" in json.dumps(agent.service("good")), refused)


def test_what_was_saved_before_there_were_bounds_is_held_to_them(world):
    inside, outside = (service(name, [address], 80, [backend(target, 80)]) for name, address, target in
                       (("inside", "10.96.0.10", "10.1.0.1"), ("outside", "10.96.0.11", "192.0.2.1")))
    world.registry.write(inside, outside)
    agent = world.agent()
    agent.wait_applied(inside, outside)
    agent.stop()
    # As after a reboot, with a registry that is away.
    run("rm", "-r", world.place.root / "bpf/meshd")
    world.registry.directory.rename(world.place.root / "away")
    config = world.place.root / "meshd.yaml"
    config.write_text("bounds: {backends: [10.1.0.0/16]}\n")
    agent = world.agent("--config", config)
    assert [one["name"] for one in agent.api.get("/v1/services")["services"]] == ["inside"]
    (world.place.root / "away").rename(world.registry.directory)
