# SPDX-License-Identifier: Apache-2.0
"""Several registries at once: who has a service, what a restart remembers, and what settings do while the agent runs."""

import json
import os
import signal

import pytest

from harness import echo
from harness.dns import Dns
from harness.etcd import Etcd
from harness.process import freeze, wait_until
from harness.registry import backend, service

ADDRESS = "10.96.0.60"


def settings(world, **registry):
    path = world.place.root / "meshd.yaml"
    # JSON is YAML.
    path.write_text(json.dumps({"registry": registry}))
    return path


def etcd_of(world, name="etcd"):
    return world.keep(Etcd(world.place.root / name))


def web(target, address=ADDRESS, name="web"):
    return service(name, address, 7, [backend("127.0.0.1", target.port)])


def shown(agent, name):
    return next((one for one in agent.api.get("/v1/registries")["registries"] if one["name"] == name), None)


def source_of(agent, name):
    return agent.service(name)["source"]


@pytest.fixture
def two(world):
    world.etcd = etcd_of(world)
    world.a, world.b = world.tcp_echo("a"), world.tcp_echo("b")
    return world


@pytest.mark.parametrize("order, winner", [([], "a"), (["etcd", "files"], "b")])
def test_of_two_registries_with_one_service_the_first_in_order_has_it(two, order, winner):
    two.registry.write(web(two.a))
    two.etcd.put("web", web(two.b))
    agent = two.agent("--config", settings(two, etcd={"endpoints": [two.etcd.url]}, order=order, hold={"share": "100%"}))
    loser = "etcd" if winner == "a" else "files"
    wait_until(lambda: shown(agent, loser)["hidden_count"] == 1, lambda: f"one to be hidden: {shown(agent, loser)}")
    agent.wait_applied(web(two.a if winner == "a" else two.b))
    assert echo.who(two, ADDRESS, 7) == winner
    [hidden] = shown(agent, loser)["hidden"]
    assert hidden["service"] == "web" and hidden["why"] == "the name" and hidden["by"] == source_of(agent, "web")
    if winner == "a":
        two.registry.write()
    else:
        two.etcd.delete("web")
    agent.wait_applied(web(two.b if winner == "a" else two.a))
    assert echo.who(two, ADDRESS, 7) == ("b" if winner == "a" else "a")


def test_an_address_belongs_to_one_service_whatever_its_name(two):
    two.registry.write(web(two.a))
    two.etcd.put("other", web(two.b, name="other"))
    agent = two.agent("--config", settings(two, etcd={"endpoints": [two.etcd.url]}))
    wait_until(lambda: shown(agent, "etcd")["hidden_count"] == 1, "one to be hidden")
    assert shown(agent, "etcd")["hidden"][0]["why"] == f"{ADDRESS}:7/tcp"
    table = agent.meshctl("registry", "show", "etcd").stdout
    assert "HIDDEN SERVICE" in table and f"{ADDRESS}:7/tcp" in table
    assert set(agent.services()) == {"web"}


def test_a_broken_registry_holds_up_no_other(two):
    two.registry.write(web(two.a))
    agent = two.agent("--config", settings(two, etcd=[
        {"name": "gone", "endpoints": ["http://127.0.0.1:1"]}, {"name": "here", "endpoints": [two.etcd.url]}]))
    agent.wait_applied(web(two.a))
    other = web(two.b, "10.96.0.61", "other")
    two.etcd.put("other", other)
    agent.wait_applied(web(two.a), other)
    wait_until(lambda: shown(agent, "gone")["state"] == "failing", lambda: f"the failure: {shown(agent, 'gone')}")
    listed = agent.meshctl("registry", "list", check=False)
    assert listed.returncode == 4 and "127.0.0.1:1" in listed.stdout
    # Removals are told and known, although one registry has never answered.
    two.registry.write()
    agent.wait_applied(other)


@pytest.mark.parametrize("end", ["stop", "kill", "worker"])
def test_what_was_known_is_there_after_a_restart_without_the_registry(two, end):
    two.etcd.put("web", web(two.a))
    agent = two.agent("--config", settings(two, etcd={"endpoints": [two.etcd.url]}))
    agent.wait_applied(web(two.a))
    wait_until(lambda: (two.place.root / "state/desired.jsonl").exists(), "the state to be written")
    two.etcd.stop()
    if end == "worker":
        before = agent.worker_pid()
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: agent.worker_pid() not in (None, 0, before), "another worker")
    else:
        getattr(agent, end)()
        agent.start()
    wait_until(lambda: shown(agent, "etcd") and shown(agent, "etcd")["state"] in ("remembered", "failing"),
               lambda: f"it to be remembered: {shown(agent, 'etcd')}")
    assert shown(agent, "etcd")["services"] == 1
    assert shown(agent, "etcd")["last_answer"] != ""
    agent.wait_applied(web(two.a))
    assert echo.who(two, ADDRESS, 7) == "a"
    two.etcd.start()
    two.etcd.put("web", web(two.b))
    agent.wait_applied(web(two.b), timeout=40)
    wait_until(lambda: shown(agent, "etcd")["state"] == "ok", lambda: f"it to be well: {shown(agent, 'etcd')}")


def test_a_registry_that_is_empty_after_a_restart_takes_nothing_at_once(two):
    """The agent's memory is guarded as if the registry had said it itself."""
    two.etcd.put("web", web(two.a))
    agent = two.agent("--config", settings(two, etcd={"endpoints": [two.etcd.url]}, hold={"share": "50%", "time": "1m"}))
    agent.wait_applied(web(two.a))
    wait_until(lambda: (two.place.root / "state/desired.jsonl").exists(), "the state to be written")
    agent.stop()
    two.etcd.delete("web")
    agent.start()
    wait_until(lambda: shown(agent, "etcd") and shown(agent, "etcd")["held_count"] == 1, lambda: f"it to be held: {shown(agent, 'etcd')}")
    assert echo.who(two, ADDRESS, 7) == "a"


def test_settings_change_while_the_agent_runs(two):
    two.registry.write(web(two.a))
    config = settings(two)
    agent = two.agent("--config", config)
    agent.wait_applied(web(two.a))
    other = web(two.b, "10.96.0.61", "other")
    two.etcd.put("other", other)
    settings(two, etcd={"endpoints": [two.etcd.url]})
    agent.wait_applied(web(two.a), other)
    # Another way to it, which leads nowhere: what it said holds.
    settings(two, etcd={"endpoints": ["http://127.0.0.1:1"]})
    wait_until(lambda: shown(agent, "etcd") and shown(agent, "etcd")["state"] == "failing", lambda: f"the failure: {shown(agent, 'etcd')}")
    agent.wait_applied(web(two.a), other)
    settings(two)
    agent.wait_applied(web(two.a))
    wait_until(lambda: shown(agent, "etcd") is None, "it to be forgotten")


def asking(**query):
    return {"name": "web", "address": ADDRESS, "port": 7, "backends_from": query}


def test_answers_outlive_the_settings_and_the_worker_that_asked(two):
    """A name server that is gone takes no backend away, whichever way it went."""
    names = two.keep(Dns(two.place.root / "names", {"web.test": ["127.0.0.1"]}))
    two.registry.write(asking(dns="web.test") | {"target_port": two.a.port})
    agent = two.agent("--config", settings(two, dns={"servers": [names.server]}))
    wait_until(lambda: shown(agent, "dns") and shown(agent, "dns")["backends"] == 1, lambda: f"the answer: {shown(agent, 'dns')}")
    wait_until(lambda: agent.service("web")["source"].endswith(" + dns"), "the agent to have it")
    assert echo.who(two, ADDRESS, 7) == "a"
    settings(two, dns={"servers": ["127.0.0.1:1"]})
    wait_until(lambda: shown(agent, "dns")["state"] == "failing", lambda: f"the failure: {shown(agent, 'dns')}", timeout=30)
    assert echo.who(two, ADDRESS, 7) == "a"
    before = agent.worker_pid()
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: agent.worker_pid() not in (None, 0, before), "another worker")
    wait_until(lambda: shown(agent, "dns")["state"] == "failing", lambda: f"the failure: {shown(agent, 'dns')}", timeout=30)
    wait_until(lambda: shown(agent, "dns")["backends"] == 1, lambda: f"what was known: {shown(agent, 'dns')}")
    assert echo.who(two, ADDRESS, 7) == "a"


def test_a_query_that_nobody_answers_is_told(two):
    two.registry.write(web(two.b, "10.96.0.61", "other"))
    agent = two.agent("--config", settings(two))
    agent.wait_applied(web(two.b, "10.96.0.61", "other"))
    two.registry.write(asking(consul="web"), name="asking")
    wait_until(lambda: any("names no Consul registry" in one["error"] for one in agent.status()["registry"]["sources"]),
               lambda: f"the reason: {agent.status()['registry']}")
    with pytest.raises(OSError):
        echo.who(two, ADDRESS, 7)
    assert echo.who(two, "10.96.0.61", 7) == "b"


def test_sync_is_for_registries_that_are_there(two):
    agent = two.agent("--config", settings(two, etcd={"endpoints": [two.etcd.url]}))
    wait_until(lambda: shown(agent, "etcd") and shown(agent, "etcd")["state"] == "ok", "etcd to be followed")
    before = shown(agent, "etcd")["figures"]["syncs"]
    assert "etcd" in agent.meshctl("registry", "sync", "etcd").stdout
    wait_until(lambda: shown(agent, "etcd")["figures"]["syncs"] > before, "a full answer")
    assert agent.meshctl("registry", "sync", "nothing", check=False).returncode == 1
    assert f'meshd_registry_up{{registry="etcd"}} 1' in agent.metrics().replace("1.0", "1")


def differences(agent):
    return {(one["registry"], one["difference"], one["object"]): one["detail"]
            for one in agent.api.get("/v1/drift")["registries"]["differences"]}


def test_each_difference_between_registry_and_desired_state_is_named(two):
    hidden = web(two.b, name="mine")
    two.registry.write(hidden)
    two.etcd.put("kept", web(two.a, "10.96.0.61", "kept"))
    agent = two.agent("--config", settings(two, etcd={"endpoints": [two.etcd.url]}, hold={"time": "10m"}))
    agent.wait_applied(hidden, web(two.a, "10.96.0.61", "kept"))
    wait_until(lambda: not differences(agent), lambda: f"all to agree: {differences(agent)}")
    two.etcd.put("other", web(two.a))
    two.etcd.put("bad", text="services: [{name: bad}]")
    two.etcd.delete("kept")
    expected = {("etcd", "hidden", "service web"), ("etcd", "refused", "meshd/bad"), ("etcd", "held", "service kept")}
    wait_until(lambda: differences(agent).keys() == expected, lambda: f"three differences: {differences(agent)}")
    assert differences(agent)["etcd", "held", "service kept"] == "from 1 to 0 backends"
    assert agent.meshctl("drift").stdout.splitlines()[-1].startswith("3 differences between registries and desired state, 0 services pending")
    two.etcd.kill()
    wait_until(lambda: any(difference == "failing" for _, difference, _ in differences(agent)), lambda: f"its end: {differences(agent)}")


def test_what_only_a_full_comparison_found_is_told(two):
    two.etcd.put("web", web(two.a))
    agent = two.agent("--config", settings(two, etcd={"endpoints": [two.etcd.url]}, hold={"share": "100%"}))
    agent.wait_applied(web(two.a))
    assert agent.meshctl_json("drift")["registries"]["missed"] == []
    freeze(agent.worker_pid())
    two.etcd.kill()
    two.etcd.start()
    two.etcd.put("web", web(two.b))
    os.kill(agent.worker_pid(), signal.SIGCONT)
    agent.wait_applied(web(two.b), timeout=40)

    def missed():
        return agent.meshctl_json("drift")["registries"]["missed"]
    wait_until(missed, "the comparison to be told")
    assert [(one["registry"], one["total"], one["services"]) for one in missed()] == [("etcd", 1, ["web"])]
    assert 'meshd_registry_missed_changes_total{registry="etcd"} 1' in agent.metrics()


def test_what_comes_while_the_agent_is_busy_is_one_change(two):
    two.etcd.put("web", web(two.a))
    agent = two.agent("--config", settings(two, etcd={"endpoints": [two.etcd.url]}, hold={"share": "100%"}))
    agent.wait_applied(web(two.a))
    before = agent.status()["reconcile"]["runs_total"]
    freeze(agent.process.pid)
    lines = [web(two.a, f"10.96.60.{number}", f"line{number}") for number in range(1, 41)]
    for one in lines:
        two.etcd.put(one["name"], one)
    os.kill(agent.process.pid, signal.SIGCONT)
    agent.wait_applied(web(two.a), *lines)
    assert agent.status()["reconcile"]["runs_total"] - before < len(lines) / 2
