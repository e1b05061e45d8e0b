# SPDX-License-Identifier: Apache-2.0
"""Settings for services that another registry describes: who gives them, what they change while connections are open, and that a
restart does not lose them."""

import json
import os
import signal

import pytest

from harness import echo
from harness.consul import Consul
from harness.etcd import Etcd
from harness.process import wait_until
from harness.registry import backend, service

ADDRESS = "10.96.0.65"


def settings(world, **registry):
    path = world.place.root / "meshd.yaml"
    path.write_text(json.dumps({"registry": registry}))
    return path


def given(name, **keys):
    return json.dumps({"service_settings": [{"service": name, **keys}]})


def web(target, **keys):
    return service("web", ADDRESS, 7, [backend("127.0.0.1", target.port)], **keys)


def registry_of(agent, name):
    return next((one for one in agent.api.get("/v1/registries")["registries"] if one["name"] == name), None)


def wait_for(agent, name="web", **values):
    """Until the service is in the kernel with these values."""
    def has_them():
        found = agent.services().get(name)
        return found is not None and found["status"] == "applied" and all(found.get(key) == value for key, value in values.items())
    wait_until(has_them, lambda: f"{values} of {agent.services().get(name)}", timeout=30)


def operations(agent):
    return counter(agent, "meshd_reconcile_operations_total")


def counter(agent, name):
    """The sum of it; 0 when nothing was counted."""
    return sum(float(line.rsplit(" ", 1)[1]) for line in agent.metrics().splitlines() if line.startswith((name + " ", name + "{")))


@pytest.fixture
def etcd(world):
    world.a = world.tcp_echo("a")
    return world.keep(Etcd(world.place.root / "etcd"))


def follow(world, etcd, **keys):
    return world.agent("--config", settings(world, etcd={"endpoints": [etcd.url]}, **keys))


def test_settings_of_a_file_come_change_and_go_under_open_connections(world, etcd):
    etcd.put("web", web(world.a))
    agent = follow(world, etcd)
    agent.wait_applied(web(world.a))
    usual = agent.service("web")
    with echo.connect(world, ADDRESS, 7) as open_one:
        assert open_one.recv(10) == b"a\n"
        world.registry.replace(given("web", balancing={"policy": "least_connections"}, limits={"connections": 1}), "settings")
        path = world.registry.path("settings")
        wait_for(agent, balancing="least_connections", source=f"etcd:etcd/web + file:{path}")
        with echo.connect(world, ADDRESS, 7), pytest.raises(OSError):
            echo.connect(world, ADDRESS, 7).close()
        world.registry.replace(given("web", limits={"connections": 5}), "settings")
        wait_for(agent, balancing="random")
        echo.connect(world, ADDRESS, 7).close()
        path.unlink()
        wait_for(agent, source="etcd:etcd/web", balancing=usual["balancing"], limits=usual.get("limits"))
        open_one.sendall(b"still here")
        assert open_one.recv(10) == b"still here"


def test_settings_wait_for_their_service(world, etcd):
    world.registry.replace(given("web", when_no_backend="unreachable"), "settings")
    agent = follow(world, etcd)
    wait_until(lambda: (registry_of(agent, "etcd") or {}).get("state") == "ok", "etcd to have answered")
    assert agent.services() == {}
    etcd.put("web", web(world.a))
    wait_for(agent, when_no_backend="unreachable")


def test_settings_of_keys_are_for_a_service_discovered_in_consul(world, etcd):
    consul = world.keep(Consul(world.place.root / "consul"))
    consul.register("web", world.a, virtual=(ADDRESS, 7))
    etcd.put("web-settings", text=given("web", health={"probe": {"type": "tcp", "interval": "100ms"}}, drain={"deadline": "30s"}))
    agent = follow(world, etcd, consul={"url": consul.url})
    wait_for(agent, source="consul:consul/web + etcd:etcd/meshd/web-settings")
    wait_until(lambda: counter(agent, "meshd_probes_total"), "a probe")
    assert echo.who(world, ADDRESS, 7) == "a"


def test_of_two_registries_the_first_in_order_gives_them(world, etcd):
    world.registry.write(web(world.a))
    world.registry.replace(given("web", when_no_backend="refuse", balancing="maglev"), "settings")
    etcd.put("settings", text=given("web", balancing="latency"))
    agent = follow(world, etcd, order=["etcd", "files"])
    wait_for(agent, balancing="latency")
    wait_until(lambda: registry_of(agent, "files")["hidden"], "those of the file to be hidden")
    [hidden] = registry_of(agent, "files")["hidden"]
    assert hidden == {"service": "settings of web", "by": "etcd:etcd/meshd/settings", "why": "the service"}
    etcd.delete("settings")
    wait_for(agent, balancing="maglev")


def test_two_files_cannot_give_them_for_one_service(world, etcd):
    world.registry.write(web(world.a))
    world.registry.replace(given("web", balancing="maglev"), "a")
    agent = follow(world, etcd)
    wait_for(agent, balancing="maglev")
    world.registry.replace(given("web", balancing="latency"), "b")
    wait_until(lambda: registry_of(agent, "files")["refused"], "one to be refused")
    [refused] = registry_of(agent, "files")["refused"]
    assert "b.yaml:1:" in refused["error"] and "already given at" in refused["error"] and "a.yaml:1:" in refused["error"]
    assert agent.service("web")["balancing"] == "maglev"


def test_what_does_not_fit_is_refused_for_that_service_alone(world, etcd):
    other = service("other", "10.96.0.66", 7, [backend("127.0.0.1", world.a.port)])
    world.registry.write(web(world.a), other)
    etcd.put("settings", text=given("web", balancing="maglev"))
    agent = follow(world, etcd)
    wait_for(agent, balancing="maglev")
    etcd.put("settings", text=json.dumps({"service_settings": [{"service": "web", "forward": "dsr"},
                                                          {"service": "other", "balancing": "latency"}]}))
    wait_for(agent, "other", balancing="latency")
    wait_until(lambda: registry_of(agent, "etcd")["refused"], "it to be refused")
    [refused] = registry_of(agent, "etcd")["refused"]
    assert refused["object"] == "settings of web"
    assert "etcd:etcd/meshd/settings:1:" in refused["error"] and "must have the service's port 7" in refused["error"]
    assert agent.service("web")["balancing"] == "maglev", "the service stays as it was"
    assert "settings of web" in agent.meshctl("registry", "show", "etcd", check=False).stdout
    etcd.put("settings", text=given("web", balancing="latency"))
    wait_for(agent, balancing="latency")
    wait_until(lambda: not registry_of(agent, "etcd")["refused"], "it to be accepted")


def test_a_worker_that_cannot_ask_for_settings_keeps_those_that_were(world, etcd):
    """The service's own registry answers first: without its settings it would be another."""
    world.registry.write(web(world.a))
    etcd.put("settings", text=given("web", limits={"connections": 3}, balancing="maglev"))
    agent = follow(world, etcd)
    wait_for(agent, balancing="maglev")
    wait_until(lambda: (world.place.root / "state/desired.jsonl").exists(), "the state to be written")
    etcd.stop()
    before, done = agent.worker_pid(), operations(agent)
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: agent.worker_pid() not in (None, 0, before), "another worker", timeout=30)
    wait_until(lambda: registry_of(agent, "etcd") and registry_of(agent, "etcd")["state"] == "failing", "etcd to be asked", timeout=30)
    other = service("other", "10.96.0.66", 7, [])
    world.registry.write(web(world.a), other)  # all that the new worker has said before is in force when this is
    wait_for(agent, "other")
    wait_for(agent, balancing="maglev", source=agent.service("web")["source"])
    assert " + etcd:etcd/meshd/settings" in agent.service("web")["source"]
    alone = operations(agent) - done
    etcd.start()
    etcd.put("settings", text=given("web", balancing="latency"))
    wait_for(agent, balancing="latency")
    # The other service's own: one more would be a service that changed to and fro.
    world.registry.write(web(world.a))
    wait_until(lambda: "other" not in agent.services(), "the other to go")
    done = operations(agent)
    world.registry.write(web(world.a), other)
    wait_for(agent, "other")
    assert alone == operations(agent) - done


def test_settings_that_are_gone_after_a_restart_go(world, etcd):
    world.registry.write(web(world.a))
    etcd.put("settings", text=given("web", balancing="maglev"))
    agent = follow(world, etcd)
    wait_for(agent, balancing="maglev")
    wait_until(lambda: (world.place.root / "state/desired.jsonl").exists(), "the state to be written")
    agent.stop()
    etcd.delete("settings")
    agent.start()
    wait_for(agent, balancing="random", source=f"file:{world.registry.path()}")


def test_config_check_and_diff_know_them(world, etcd):
    world.registry.write(web(world.a))
    agent = follow(world, etcd)
    agent.wait_applied(web(world.a))
    directory = world.place.root / "new"
    directory.mkdir()
    new = directory / "new.yaml"
    bad = directory / "bad.yaml"
    bad.write_text(given("web", balancing="fastest"))
    checked = agent.meshctl("config", "check", bad, check=False)
    assert checked.returncode == 4 and "bad.yaml:1:" in checked.stdout + checked.stderr
    document = json.loads(given("web", balancing="maglev")) | {"services": [web(world.a)]}
    new.write_text(json.dumps(document))
    assert agent.meshctl("config", "check", new).returncode == 0
    changed = agent.meshctl_json("config", "diff", new, "--partial")["operations"]
    assert changed, "another way to balance is a change"
    new.write_text(given("web", balancing="maglev"))
    assert agent.meshctl_json("config", "diff", new, "--partial")["operations"] == changed
    document["service_settings"][0] = {"service": "web", "forward": "dsr"}
    new.write_text(json.dumps(document))
    assert "new.yaml:1:" in (refused := agent.meshctl("config", "check", new, check=False)).stdout + refused.stderr
    assert refused.returncode == 4
