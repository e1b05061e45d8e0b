# SPDX-License-Identifier: Apache-2.0
"""A cluster of etcd: members that go, one after the other and most of them, break nothing."""

import json
import urllib.error

from harness import echo, etcd
from harness.process import wait_until
from harness.registry import backend, service
from harness.steady import Steady

LONG = 60  # s: a member that is gone is found after two waits, and a leader is elected


def line(number, target):
    return service(f"line{number}", f"10.96.42.{number + 1}", 7, [backend("127.0.0.1", target.port)])


def shown(agent):
    return next(one for one in agent.api.get("/v1/registries")["registries"] if one["name"] == "etcd")


def put(member, one):
    """As soon as the cluster has a leader, whatever the member still believes."""
    def done():
        try:
            return member.put(one["name"], one)
        except urllib.error.URLError:
            return None
    wait_until(done, "a leader", timeout=LONG)


def test_each_member_may_go_and_without_most_of_them_nothing_goes(world):
    members = [world.keep(member) for member in etcd.cluster(world.place.root, 3)]
    target = world.tcp_echo("a")
    path = world.place.root / "meshd.yaml"
    # JSON is YAML.
    path.write_text(json.dumps({"registry": {"etcd": {"endpoints": [member.url for member in members]}, "hold": {"share": "100%"}}}))
    agent = world.agent("--config", path)
    lines = [line(0, target)]
    put(members[0], lines[0])
    agent.wait_applied(*lines, timeout=LONG)
    traffic = world.keep(Steady(world, lines[0]["address"], 7))
    for number, member in enumerate(members, 1):  # one of them leads, one of them is watched
        member.kill()
        lines.append(line(number, target))
        put(members[number % 3], lines[-1])
        agent.wait_applied(*lines, timeout=LONG)
        member.start()
    for member in members[:2]:
        member.kill()
    wait_until(lambda: shown(agent)["state"] == "failing", lambda: f"the loss to be told: {shown(agent)}", timeout=LONG)
    assert set(agent.services()) == {one["name"] for one in lines}
    for member in members[:2]:
        member.launch()
    lines.append(line(4, target))
    put(members[2], lines[-1])
    agent.wait_applied(*lines, timeout=LONG)
    assert echo.who(world, lines[-1]["address"], 7) == "a"
    assert not traffic.failures()
