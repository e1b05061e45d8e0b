# SPDX-License-Identifier: Apache-2.0
"""What a person asks of a node that runs: its kernel's features, what is wrong with it, a report about it, a log that says more."""

import json
import os
import re
import stat
import tarfile

import pytest

from harness.process import run, wait_until
from harness.registry import backend, service
from harness.world import World

V4 = "10.96.0.97"


@pytest.fixture
def node(world):
    server = world.tcp_echo("a")
    world.made = service("line", V4, 7, [backend("127.0.0.1", server.port)])
    world.registry.write(world.made)
    world.settings = world.place.root / "meshd.yaml"
    world.settings.write_text("log: {level: info}\n")
    world.running = world.agent("--config", world.settings)
    world.running.options[world.running.options.index("--log-level"):][:2] = []
    return world


def started(world, environment=None):
    world.registry.write(service("line", V4, 7, []))
    return world.agent(environment=environment)


def features(agent):
    return {row["name"]: row for row in agent.meshctl_json("feature", "list")["features"]}


def checks(agent, state=None):
    answer = json.loads(agent.meshctl("doctor", "-o", "json", check=False).stdout)
    return {row["check"]: row for row in answer["checks"] if state in (None, row["state"])}


def test_features_are_what_the_agent_decided(world):
    agent = started(world)
    wait_until(lambda: features(agent)["socket_lists"]["state"] != "idle", "sockets to be tried")
    found = features(agent)
    short_way = agent.api.get("/v1/acceleration")
    assert found["short_way"]["detail"].startswith(f"mode {short_way['mode']}")
    assert (found["accounting"]["state"] == "used") == (short_way["accounting"] == "charged")
    assert (found["fionread"]["state"] == "used") == (short_way["fionread"] == "both")
    assert found["cgroup_hooks"]["state"] == "used"
    assert found["device_links"]["state"] == "idle"
    degraded = {row["feature"] for row in agent.status()["degraded"]}
    assert (found["errno"]["state"] == "replaced") == ("errno" in degraded)
    assert all(row["cost"] for row in found.values() if row["state"] == "replaced")


def test_features_show_what_is_used_instead(world):
    agent = started(world, {"MESHD_TEST_NO_STORAGE_LISTS": "1", "MESHD_TEST_NO_SOCK_DESTROY": "1",
                            "MESHD_TEST_NO_SOCKET_PROGRAMS": "1"})
    wait_until(lambda: features(agent)["socket_lists"]["state"] == "replaced", "sockets to be tried")
    found = features(agent)
    assert found["socket_destroy"]["state"] == "missing"
    table = agent.meshctl("feature", "list").stdout
    assert found["socket_destroy"]["cost"] in table and found["socket_lists"]["cost"] in table


def test_doctor_is_content_with_a_node_that_is_well(world):
    agent = started(world)
    answer = agent.meshctl("doctor", check=False)
    assert answer.returncode == 0, answer.stdout
    assert "all well" in answer.stdout
    found = checks(agent)
    assert {"kernel", "types", "cgroup", "bpffs", "pins", "worker", "programs", "configuration", "maps", "clock", "state_directory",
            "open_files", "control_group"} <= set(found)


def test_doctor_names_what_is_wrong_and_what_mends_it(node):
    agent = node.running
    state = node.place.root / "state"
    state.chmod(0o777)
    node.settings.write_text("log:\n  level: loud\n")
    node.registry.path().write_text("services: [{name: line, port: 7}]\n")
    wait_until(lambda: {"registry", "configuration", "state_directory"} <= set(checks(agent, "problem")), "the problems to be seen")
    found = checks(agent, "problem")
    assert f"chmod go-w {state}" in found["state_directory"]["remedy"]
    assert f"{node.settings}:2:" in found["configuration"]["what"]
    answer = agent.meshctl("doctor", check=False)
    assert answer.returncode == 4
    assert "to mend" in answer.stdout


def test_doctor_names_programs_of_others(world):
    agent = started(world)
    assert checks(agent)["hooks"]["state"] == "ok"
    other = World()
    try:
        second = other.agent("--cgroup", world.cgroup.path)
        answer = agent.meshctl("doctor")
        program = next(row["id"] for row in second.status()["programs"] if row["name"] == "md_connect4")
        assert f"program 'md_connect4' (id {program}) is at cgroup/connect4 of {world.cgroup.path}, beside others" in answer.stdout
    finally:
        other.close()


def test_doctor_without_an_agent_does_what_a_person_can(world):
    agent = world.agent(start=False)
    settings = world.place.root / "meshd.yaml"
    settings.write_text("log:\n  level: loud\n")
    answer = agent.meshctl("doctor", "--config", settings, "-o", "json", check=False)
    assert answer.returncode == 4
    found = {row["check"]: row for row in json.loads(answer.stdout)["checks"]}
    assert found["agent"]["state"] == "problem" and "systemctl start meshd" in found["agent"]["remedy"]
    assert found["configuration"]["state"] == "problem" and f"{settings}:2:" in found["configuration"]["what"]
    assert found["kernel"]["state"] == found["types"]["state"] == found["cgroup"]["state"] == "ok"
    assert found["rest"]["state"] == "unknown"


SECRETS = {name: f"hunter-{name}-2" for name in ("header", "url", "probe", "body", "comment", "file", "key")}


def test_a_bugreport_has_no_secrets_and_only_its_owner_reads_it(world):
    root = world.place.root
    token = root / "token"
    token.write_text(SECRETS["file"])
    settings = root / "meshd.yaml"
    settings.write_text(f"""# {SECRETS['comment']}
flows:
  otlp: {{endpoint: "http://127.0.0.1:9", headers: {{x-scope: "{SECRETS['header']}"}}}}
registry:
  consul: [{{name: dc1, url: "http://127.0.0.1:9", token_file: {token}}}]
""")
    made = service("line", V4, 7, [backend("127.0.0.1", 9)])
    made["health"] = {"probe": {"type": "http", "path": f"/health?token={SECRETS['probe']}", "body": SECRETS["body"], "interval": "1s"}}
    world.registry.write(made)
    beside = world.registry.path().with_name("zz.yaml")
    beside.write_text(f"# {SECRETS['comment']}\nservices: []\n")
    agent = world.agent("--config", settings)
    beside.write_text(f"services: [{{name: 'http://u:{SECRETS['url']}@h/'}}]\n")
    wait_until(lambda: agent.status()["degraded"], "the file to be refused")
    file = root / "report.tar.gz"
    answer = agent.meshctl_json("bugreport", "--config", settings, "--out", file)
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    with tarfile.open(file) as archive:
        members = {name.split("/", 1)[1]: archive.extractfile(name).read().decode() for name in archive.getnames()}
    assert {"MANIFEST", "status.json", "doctor.json", "features.json", "services.json", "backends.json", "maps.json", "flows.json",
            "events.json", "metrics.json", "log.json", "drift.json", "system.txt", "configuration/meshd.yaml",
            "configuration/services.d/zz.yaml"} <= set(members)
    everything = "\n".join(members.values())
    assert [name for name, secret in SECRETS.items() if secret in everything] == []
    assert "x-scope: (removed)" in members["configuration/meshd.yaml"] and str(token) in members["configuration/meshd.yaml"]
    line = members["configuration/services.d/" + world.registry.path().name]
    assert "/health?token=(removed)" in line and "body: (removed)" in line
    assert "http://(removed)@h/" in members["status.json"] and "http://(removed)@h/" in members["log.json"]
    assert json.loads(members["status.json"])["pid"] == agent.status()["pid"]
    assert [row["name"] for row in answer["members"] if row["left_out"]] == []
    again = agent.meshctl("bugreport", "--config", settings, "--out", file, check=False)
    assert again.returncode == 1 and str(file) in again.stderr


def test_a_bugreport_without_an_agent_says_what_it_lacks(world):
    agent = world.agent(start=False)
    file = world.place.root / "report.tar.gz"
    agent.meshctl("bugreport", "--config", "/nonexistent.yaml", "--out", file)
    listing = run("tar", "-xzOf", file, "--wildcards", "*/MANIFEST").stdout
    assert "what the agent knows: left out" in listing
    assert re.search(r"^doctor.json, \d+ bytes$", listing, re.MULTILINE)


def test_the_log_says_more_for_a_while(world):
    world.registry.write(service("line", V4, 7, []))
    agent = world.agent("--log-level", "info")
    agent.meshctl("log", "level", "debug", "--for", "10m")
    log = agent.status()["log"]
    assert log["level"] == "debug" and log["configured"] == "info" and log["until"]
    assert "configured: info" in agent.meshctl("log", "level").stdout
    assert "configured: info" in agent.meshctl("status").stdout
    agent.meshctl("log", "level", "trace", "--for", "1s")
    wait_until(lambda: agent.status()["log"] == {"level": "info", "configured": "info", "until": ""}, "the level to come back")
    assert agent.meshctl("log", "level", "debug", "--for", "25h", check=False).returncode == 1


def test_the_log_comes_by_the_control_socket_for_root(world):
    agent = started(world)
    lines = agent.api.get("/v1/log")["lines"]
    assert any("serves" in line for line in lines)
    nobody = run("setpriv", "--reuid", "nobody", "--regid", "users", "--clear-groups", "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}",
                 "--unix-socket", world.place.socket, "http://meshd/v1/log", check=False)
    assert nobody.stdout in ("403", "000")
