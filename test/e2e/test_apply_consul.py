# SPDX-License-Identifier: Apache-2.0
"""meshctl apply, get and delete on the keys of a real Consul."""

import concurrent.futures
import json

import pytest

from harness import consul, echo
from harness.consul import Consul
from harness.meshctl_user import Operator
from harness.registry import backend, document, service

pytestmark = consul.needed
LONG = 60  # s


def line(number, target):
    return service(f"line{number}", f"10.96.{40 + number // 200}.{number % 200 + 1}", 7, [backend("127.0.0.1", target.port)])


def keys(server):
    return {one["Key"] for one in server.call("GET", "kv/meshd/?recurse")}


def token_file(world, name, secret):
    path = world.place.root / name
    path.write_text(secret)
    path.chmod(0o644)
    return path


def test_objects_in_keys_with_a_token_that_may_write(world):
    server = world.keep(Consul(world.place.root / "consul", acl=True))
    target = world.tcp_echo("a")
    _, reading = server.token('service_prefix "" { policy = "read" } node_prefix "" { policy = "read" } key_prefix "meshd/" { policy = "read" }')
    _, writing = server.token('key_prefix "meshd/" { policy = "write" }')
    operator = Operator(world, consul={"url": server.url, "keys": "meshd/", "token_file": str(token_file(world, "reading", reading))})
    world.running = world.agent("--config", operator.config)
    one, other = line(1, target), line(2, target)
    message = operator.refused("apply", "-f", operator.file(document([one])))
    assert "ermission denied" in message and "--token-file" in message and "may write" in message, message

    operator.options = ["--token-file", token_file(world, "writing", writing)]
    assert operator.apply(one, other) == ["service/line1 created", "service/line2 created"]
    assert keys(server) == {"meshd/services/line1", "meshd/services/line2"}
    world.running.wait_applied(one, other, timeout=LONG)
    assert echo.who(world, one["address"], 7) == "a"
    assert operator.apply(one, other) == ["service/line1 unchanged", "service/line2 unchanged"]
    changed = line(1, world.tcp_echo("b"))
    assert operator.apply(changed, options=["--wait=60s"]) == ["service/line1 configured", "", "this node has it in force"]
    assert echo.who(world, one["address"], 7) == "b"
    given = operator.run("get", "service/line1", "-o", "yaml").stdout
    assert operator.apply(text=given) == ["service/line1 unchanged"]
    assert "already an address of service" in operator.refused("apply", "-f", operator.file(document([one | {"name": "third"}])))
    assert operator.run("delete", "service/line1").stdout == "service/line1 deleted\n"
    world.running.wait_applied(other, timeout=LONG)


@pytest.fixture
def operator(world):
    world.consul = world.keep(Consul(world.place.root / "consul"))
    return Operator(world, consul={"url": world.consul.url, "keys": "meshd/"})


def test_many_objects_and_a_folder_and_a_key_by_hand(world, operator):
    target = world.tcp_echo("a")
    assert all(text.endswith(" created") for text in operator.apply(*[line(number, target) for number in range(100)]))
    world.consul.put("by-hand", document([line(200, target)]))
    world.consul.put("folder/", "")
    listed = json.loads(operator.run("get", "-o", "json").stdout)["objects"]
    assert len(listed) == 101 and listed[0]["kind"] == "file" and listed[0]["name"] == "by-hand", listed[:2]
    answer = operator.run("delete", *[f"service/line{number}" for number in range(100)], "file/by-hand")
    assert answer.returncode == 0, answer.stderr
    assert json.loads(operator.run("get", "-o", "json").stdout)["objects"] == []


def test_of_operators_who_write_the_same_object_at_once_none_is_overwritten_unseen(world, operator):
    targets = [world.tcp_echo(name) for name in "abcd"]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda target: operator.run("apply", "-f", "-", text=document([line(1, target)])), targets))
    assert any(answer.returncode == 0 for answer in answers)
    for answer in answers:
        assert answer.returncode == 0 or "somebody else has changed it" in answer.stderr, answer.stderr


def test_a_server_that_is_down_is_told(world, operator):
    world.consul.stop()
    message = operator.refused("get")
    assert "see that Consul runs" in message and world.consul.url in message, message
