# SPDX-License-Identifier: Apache-2.0
"""The control socket and meshctl against a running agent, and the agent's own configuration."""

import grp
import json

import pytest

from harness import echo
from harness.api import ApiError
from harness.process import run, wait_until
from harness.registry import backend, document, service

V4 = "10.96.0.90"


@pytest.fixture
def one(world):
    server = world.tcp_echo("a")
    world.made = service("line", V4, 7, [backend("127.0.0.1", server.port)])
    world.registry.write(world.made)
    world.settings = world.place.root / "meshd.yaml"
    world.settings.write_text("log:\n  level: debug\n")
    world.running = world.agent("--config", world.settings)
    world.running.wait_applied(world.made)
    return world


def curl_as(world, user, group, *arguments):
    return run("setpriv", "--reuid", user, "--regid", group, "--clear-groups", "curl", "-sS", "--max-time", "5", "-o", "-", "-w",
               "\n%{http_code}", "--unix-socket", world.place.socket, *arguments, check=False)


def status_code(answer):
    return answer.stdout.strip().rsplit("\n", 1)[-1]


def test_curl_reads_the_api(one):
    answer = run("curl", "-sSf", "--unix-socket", one.place.socket, "http://localhost/v1/status")
    status = json.loads(answer.stdout)
    assert status["state"] == "ok"
    assert status["pid"] == one.running.process.pid
    assert status["cgroup"] == str(one.cgroup.path)
    assert all(program["attached"] for program in status["programs"])


def test_others_are_refused(one):
    answer = curl_as(one, "nobody", "nogroup", "http://localhost/v1/status")
    assert answer.returncode == 7 or status_code(answer) == "403"
    assert "kernel" not in answer.stdout


def test_the_group_reads_and_only_root_changes(one):
    group = grp.getgrnam("users").gr_name
    assert status_code(curl_as(one, "nobody", group, "http://localhost/v1/status")) == "200"
    assert status_code(curl_as(one, "nobody", group, "-X", "POST", "http://localhost/v1/reconcile")) == "403"
    assert status_code(curl_as(one, "root", "root", "-X", "POST", "http://localhost/v1/reconcile")) == "200"


@pytest.mark.parametrize("method, target, code", [
    ("GET", "/v1/nothing", 404), ("GET", "/v1/services/nothing", 404), ("DELETE", "/v1/status", 405), ("POST", "/v1/plan", 400),
    ("GET", "/v1/explain?destination=10.96.0.90", 400), ("GET", "/v2/status", 404)])
def test_wrong_requests_get_an_error_with_a_message(one, method, target, code):
    with pytest.raises(ApiError) as failure:
        one.running.api.request(method, target, body={"services": 5} if method == "POST" else None)
    assert failure.value.status == code
    assert failure.value.body["error"]["message"]


@pytest.mark.parametrize("command", [["status"], ["service", "list"], ["service", "show", "line"], ["backend", "list"], ["drift"],
                                     ["map", "list"], ["explain", f"{V4}:7"], ["version"]], ids=" ".join)
def test_every_command_answers_in_every_form(one, command):
    for form in ("table", "wide", "json", "yaml"):
        assert one.running.meshctl(*command, "-o", form).stdout.strip()
    json.loads(one.running.meshctl(*command, "-o", "json").stdout)


def test_exit_codes(one):
    assert one.running.meshctl("service", "show", "nothing", check=False).returncode == 1
    assert one.running.meshctl("no-such-command", check=False).returncode == 2
    one.running.stop()
    away = one.running.meshctl("status", check=False)
    assert away.returncode == 3
    assert str(one.place.socket) in away.stderr


def test_config_diff_prints_what_would_be_done_and_does_nothing(one):
    wanted = one.place.root / "wanted.yaml"
    wanted.write_text(document([one.made, service("more", "10.96.0.91", 7, one.made["backends"])]))
    answer = one.running.meshctl("config", "diff", str(wanted), check=False)
    assert "10.96.0.91" in answer.stdout
    assert set(one.running.services()) == {"line"}


def test_config_check_needs_no_agent(world, tmp_path):
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(document([service("line", V4, 7, [])]))
    bad.write_text("services:\n  - name: line\n    adress: x\n")
    meshctl = world.agent(start=False).binaries / "meshctl"
    assert run(meshctl, "config", "check", good, check=False).returncode == 0
    refused = run(meshctl, "config", "check", good, bad, check=False)
    assert refused.returncode not in (0, 2, 3)
    assert f"{bad}:3:" in refused.stdout + refused.stderr


def test_example_and_schema_agree_with_the_registry(one):
    jsonschema = pytest.importorskip("jsonschema")
    yaml = pytest.importorskip("yaml")
    schema = json.loads(one.running.meshctl("config", "schema").stdout)
    validator = jsonschema.validators.validator_for(schema)
    validator.check_schema(schema)
    assert yaml.safe_load(one.registry.path().read_text())["services"][0]["name"] == "line"


def test_configuration_is_read_again_on_sighup(one):
    one.settings.write_text("reconcile:\n  interval: 7s\n")
    one.running.reload()
    one.running.wait_status(lambda status: status["reconcile"]["interval_s"] == 7, "the new interval")
    assert echo.who(one, V4, 7) == "a"


def test_configuration_is_read_again_when_its_file_is_replaced(one):
    beside = one.settings.with_suffix(".new")
    beside.write_text("reconcile:\n  interval: 8s\n")
    beside.rename(one.settings)
    one.running.wait_status(lambda status: status["reconcile"]["interval_s"] == 8, "the new interval")


def test_a_bad_configuration_is_refused_and_the_old_one_goes_on(one):
    one.settings.write_text("reconcile:\n  intervall: 9s\n")
    one.running.reload()
    wait_until(lambda: f"{one.settings}:2:" in one.running.output(), "the refusal in the log")
    assert one.running.status()["reconcile"]["interval_s"] == 60
    assert echo.who(one, V4, 7) == "a"


def test_a_bad_configuration_at_the_start_ends_the_agent(world):
    settings = world.place.root / "meshd.yaml"
    settings.write_text("reconcile:\n  interval: [1]\n")
    agent = world.agent("--config", settings, start=False).launch()
    assert agent.process.wait(10) == 1
    assert f"{settings}:2:" in agent.output()
