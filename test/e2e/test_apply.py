# SPDX-License-Identifier: Apache-2.0
"""meshctl apply, get and delete on a real etcd: what an operator writes reaches the nodes that follow it, and nothing is half done."""

import concurrent.futures
import json

import pytest
import yaml

from harness import echo
from harness.etcd import Etcd
from harness.meshctl_user import Operator
from harness.probed import Authority
from harness.process import wait_until
from harness.registry import backend, document, service

LONG = 60  # s


def line(number, target, **keys):
    return service(f"line{number}", f"10.96.{40 + number // 200}.{number % 200 + 1}", 7, [backend("127.0.0.1", target.port)], **keys)


def who(world, one):
    return echo.who(world, one["address"], 7)


@pytest.fixture
def operator(world):
    world.etcd = world.keep(Etcd(world.place.root / "etcd"))
    world.a, world.b = world.tcp_echo("a"), world.tcp_echo("b")
    return Operator(world, etcd={"endpoints": [world.etcd.url]})


def test_what_is_applied_reaches_connections_and_what_is_deleted_goes(world, operator):
    world.running = world.agent("--config", operator.config)
    one, other = line(1, world.a), line(2, world.a)
    assert operator.apply(one, other) == ["service/line1 created", "service/line2 created"]
    world.running.wait_applied(one, other)
    assert who(world, one) == "a"
    assert operator.apply(one, other) == ["service/line1 unchanged", "service/line2 unchanged"]
    changed = line(1, world.b)
    assert operator.apply(changed, other) == ["service/line1 configured", "service/line2 unchanged"]
    world.running.wait_applied(changed, other)
    assert who(world, changed) == "b"
    assert operator.run("delete", "service/line1").stdout == "service/line1 deleted\n"
    world.running.wait_applied(other)
    with pytest.raises(OSError):
        who(world, changed)


def test_waits_until_this_node_has_it_and_tells_what_is_in_the_way(world, operator):
    world.running = world.agent("--config", operator.config)
    one = line(1, world.a)
    assert operator.apply(text=document([one]) + RULE, options=["--wait=60s"])[-1] == "this node has it in force"
    assert who(world, one) == "a"
    assert operator.apply(line(1, world.b), options=["--wait"])[-1] == "this node has it in force"
    assert who(world, one) == "b"
    # A directory of files stands before etcd.
    world.registry.write(line(2, world.a))
    wait_until(lambda: "line2" in world.running.services(), "the file to be read", LONG)
    answer = operator.run("apply", "-f", "-", "--wait=2s", text=document([line(2, world.b)]))
    assert answer.returncode == 4 and "service/line2: file:" in answer.stderr, answer.stderr
    world.running.stop()
    answer = operator.run("apply", "-f", "-", "--wait", text=document([one]))
    assert answer.returncode == 3 and "it is written, but " in answer.stderr, answer.stderr


RULE = "policies:\n  - {name: shut, action: deny, to: {cidr: 10.96.99.1/32}}\n"
SETTINGS = "service_settings:\n  - service: line1\n    balancing: least_connections\n"


def test_rules_and_settings_are_objects_as_well(world, operator):
    world.running = world.agent("--config", operator.config)
    one = line(1, world.a)
    assert operator.apply(text=document([one]) + RULE + SETTINGS) == [
        "service/line1 created", "policy/shut created", "settings/line1 created"]
    assert set(world.etcd.contents()) == {"services/line1", "policies/shut", "settings/line1"}
    wait_until(lambda: world.running.services().get("line1", {}).get("balancing") == "least_connections",
               lambda: f"the settings to hold: {world.running.services()}", LONG)
    wait_until(lambda: [rule["name"] for rule in world.running.api.get("/v1/policy")["rules"]] == ["shut"], "the rule to be in force", LONG)
    operator.run("delete", "policy/shut", "settings/line1")
    wait_until(lambda: world.running.services()["line1"]["balancing"] != "least_connections", "the settings to go", LONG)
    wait_until(lambda: not world.running.api.get("/v1/policy")["rules"], "the rule to go", LONG)


def test_a_file_that_is_wrong_writes_nothing_of_all_files(world, operator):
    good = operator.file(document([line(1, world.a)]), "good.yaml")
    bad = operator.file("services:\n  - {name: web, address: 10.96.0.300, port: 80}\n", "bad.yaml")
    message = operator.refused("apply", "-f", good, "-f", bad)
    assert "nothing was written" in message and f"{bad}:2:26: " in message, message
    assert world.etcd.contents() == {}


def test_what_would_conflict_on_the_nodes_is_refused_before_it_is_written(world, operator):
    world.etcd.put("by/hand", line(1, world.a))
    operator.apply(line(2, world.a))
    before = world.etcd.contents()
    message = operator.refused("apply", "-f", operator.file(document([line(3, world.a), line(1, world.b)])))
    assert "objects.yaml:" in message and "already defined at etcd:etcd/meshd/by/hand:2:" in message, message
    assert "meshctl delete file/by/hand" in message, message
    same_address = line(2, world.a) | {"name": "other"}
    message = operator.refused("apply", "-f", operator.file(document([same_address])))
    assert 'already an address of service "line2" at etcd:etcd/meshd/services/line2:' in message, message
    assert world.etcd.contents() == before
    # One that takes the place of what it would conflict with is none.
    assert operator.run("delete", "file/by/hand").returncode == 0
    assert operator.apply(line(1, world.b)) == ["service/line1 created"]


def test_get_gives_back_what_was_written_with_its_comments(world, operator):
    text = ("# the shop\nservices:\n  # what people see\n  - name: shop/web   # first\n    address: 10.96.0.10\n    port: 80\n"
            "    backends:\n      - {address: 127.0.0.1, port: 8080}   # the old one\n  - name: other\n    address: 10.96.0.11\n    port: 80\n"
            "    backends: []\n")
    operator.apply(text=text)
    world.etcd.put("by/hand", line(1, world.a))
    world.etcd.put("announced/web/one", text="{}")
    listed = json.loads(operator.run("get", "-o", "json").stdout)["objects"]
    assert [(one["kind"], one["name"]) for one in listed] == [("file", "by/hand"), ("service", "other"), ("service", "shop/web")]
    assert [one["name"] for one in json.loads(operator.run("get", "services", "-o", "json").stdout)["objects"]] == ["other", "shop/web"]
    given = operator.run("get", "service/shop/web", "-o", "yaml").stdout
    assert "# what people see" in given and "# first" in given and "# the old one" in given, given
    assert yaml.safe_load(given) == {"services": yaml.safe_load(text)["services"][:1]}
    assert operator.apply(text=given) == ["service/shop/web unchanged"]
    as_json = operator.run("get", "service/other", "-o", "json").stdout
    assert json.loads(as_json) == {"services": yaml.safe_load(text)["services"][1:]}
    assert "service/nothing is not in registry etcd" in operator.refused("get", "service/nothing")


def test_a_dry_run_shows_the_difference_and_writes_nothing(world, operator):
    one = line(1, world.a)
    operator.apply(one)
    before = world.etcd.contents()
    shown = operator.apply(line(1, world.b), line(2, world.b), options=["--dry-run"])
    assert shown[0] == "service/line1 configured (dry run)" and "service/line2 created (dry run)" in shown, shown
    assert any(text.startswith("  - ") and str(world.a.port) in text for text in shown), shown
    assert any(text.startswith("  + ") and str(world.b.port) in text for text in shown), shown
    assert world.etcd.contents() == before


def test_what_is_not_there_is_not_deleted_with_others(world, operator):
    operator.apply(line(1, world.a))
    assert "service/line2" in operator.refused("delete", "service/line1", "service/line2")
    assert set(world.etcd.contents()) == {"services/line1"}
    answer = operator.run("delete", "service/line1", "service/line2", "--ignore-not-found")
    assert answer.stdout.splitlines() == ["service/line1 deleted", "service/line2 missing"]
    assert world.etcd.contents() == {}


def test_of_operators_who_write_at_once_none_is_lost(world, operator):
    """All write other objects; then all write the same one: whoever was told that it is written, it was."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: operator.run("apply", "-f", "-", text=document([line(number, world.a)])), range(8)))
    written = {f"services/line{number}" for number, answer in enumerate(answers) if answer.returncode == 0}
    assert set(world.etcd.contents()) == written and written, [answer.stderr for answer in answers]
    assert all("others write to it" in answer.stderr for answer in answers if answer.returncode != 0)

    same = [line(1, world.a) | {"name": f"same{number}"} for number in range(8)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda one: operator.run("apply", "-f", "-", text=document([one])), same))
    # Of those with the same address none stands beside another.
    assert not any(answer.returncode == 0 for answer in answers)
    operator.run("delete", "service/line1")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda one: operator.run("apply", "-f", "-", text=document([one])), same))
    assert sum(answer.returncode == 0 for answer in answers) == 1
    assert sum(key.startswith("services/same") for key in world.etcd.contents()) == 1


def test_more_objects_than_one_transaction_takes(world, operator):
    lines = [line(number, world.a) for number in range(150)]
    assert all(text.endswith(" created") for text in operator.apply(*lines))
    assert len(world.etcd.contents()) == 150


def test_who_may_not_write_is_told_how_and_a_user_who_may_writes_over_tls(world):
    authority = Authority(world.place.root / "authority")
    certificate, key = authority.issue("etcd", "IP:127.0.0.1")
    etcd = world.keep(Etcd(world.place.root / "etcd", authority=authority.certificate, certificate=certificate, key=key))
    one = line(1, world.tcp_echo("a"))
    etcd.require_users("mesh", "right")
    password = world.place.root / "password"
    password.write_text("right\n")
    password.chmod(0o644)
    operator = Operator(world, etcd={"endpoints": [etcd.url], "ca": str(authority.certificate), "user": "mesh",
                                     "password_file": str(password)})
    world.running = world.agent("--config", operator.config)
    message = operator.refused("apply", "-f", operator.file(document([one])))
    assert "permission denied" in message and "--user and --password-file" in message, message

    for name in ("user", "role"):
        etcd.call(f"auth/{name}/add", {"name": "writer"} | ({"password": "pen"} if name == "user" else {}))
    etcd.call("auth/role/grant", {"name": "writer", "perm": {"permType": "READWRITE", "key": "L21lc2hkLw==", "range_end": "L21lc2hkMA=="}})
    etcd.call("auth/user/grant", {"user": "writer", "role": "writer"})
    own = world.place.root / "own-password"
    own.write_text("wrong\n")
    as_writer = ["--user", "writer", "--password-file", own]
    message = operator.refused("apply", "-f", operator.file(document([one])), *as_writer)
    assert "authentication failed" in message and "--password-file" in message, message
    own.write_text("pen\n")
    assert operator.apply(one, options=as_writer) == ["service/line1 created"]
    world.running.wait_applied(one, timeout=LONG)


def test_a_server_that_is_down_and_a_store_that_is_none_are_told(world, operator):
    world.etcd.stop()
    message = operator.refused("apply", "-f", operator.file(document([line(1, world.a)])))
    assert world.etcd.url in message and "see that etcd runs" in message, message
    operator.config.write_text("{}")
    answer = operator.run("get")
    assert answer.returncode == 2 and "meshd.yaml has no registry of etcd" in answer.stderr, answer.stderr
    operator.config.write_text(json.dumps({"registry": {"etcd": [{"name": "x", "endpoints": ["http://x"]},
                                                                 {"name": "y", "endpoints": ["http://y"]}]}}))
    answer = operator.run("get")
    assert answer.returncode == 2 and "x (etcd), y (etcd)" in answer.stderr and "--store" in answer.stderr, answer.stderr
