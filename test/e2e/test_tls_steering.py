# SPDX-License-Identifier: Apache-2.0
"""What the kernel does with connections to encrypted services, with this process in the worker's place; and what it never does: let one
pass in clear."""

import errno
import os
import pwd
import re
import signal
import socket
import subprocess

import pytest
from harness.cgroup import Cgroup, mount_point
from harness.echo import read_line
from harness.hosts import SERVICE, SERVICE6
from harness.process import run, wait_until
from harness.short_way import ShortWay
from harness.steering import INBOUND, OUTBOUND, Encrypted, identity_number, original, steered, web

REMOTE = {SERVICE: "10.2.0.2", SERVICE6: "fd02::2"}
DAEMON = pwd.getpwnam("daemon").pw_uid  # any account but root will do
FAMILY = {SERVICE: socket.AF_INET, SERVICE6: socket.AF_INET6}


@pytest.fixture
def node(world):
    return Encrypted(world)


@pytest.mark.parametrize("other_netns", [False, True], ids=["node", "other netns"])
@pytest.mark.parametrize("address", [SERVICE, SERVICE6])
def test_a_connection_is_led_to_the_listener(node, address, other_netns):
    target = node.far(REMOTE[address])
    node.serve(web(target))
    client = node.connect(address, netns=node.hosts.client if other_netns else None)
    assert client.getpeername()[:2] == (address, 80)
    server, peer = node.listener().accept()
    told = steered(server)
    assert told["service"] == (address, 80) and told["backend"] == (target.address, target.port)
    assert told["service_id"] == node.agent.service("web")["ports"][0]["id"]
    assert told["backend_id"] and told["identity"] == 0 and told["user"] == os.getuid()
    assert original(server, FAMILY[address]) == (target.address, target.port)
    assert original(server, socket.AF_INET6) == (target.address, target.port)
    assert peer[1] == client.getsockname()[1]
    client.sendall(b"hello")
    assert server.recv(100) == b"hello"
    server.sendall(b"there")
    assert client.recv(100) == b"there"
    assert target.peers == []
    assert node.count("tls_steered") == 1 and node.count("connect_forwarded") == 0


def test_the_service_and_its_backend_have_the_connection(node):
    target = node.far()
    node.serve(web(target))
    client = node.connect()
    server, _ = node.listener().accept()
    flow = wait_until(lambda: node.agent.api.get("/v1/flows?service=web")["flows"], "a flow of the service")[0]
    assert flow["server"] == f"{target.address}:{target.port}"
    assert re.fullmatch(rf"127\.0\.\d+\.1:{OUTBOUND}", flow["via"])
    backend = node.agent.service("web")["ports"][0]["backends"][0]
    assert backend["connects"] == 1
    client.close()
    server.close()


def test_connections_have_the_ports_of_many_addresses(node):
    """Of one address there are eight here, and some 28,000 on a host."""
    node.serve(web(node.far()))
    listener = node.listener()
    node.hosts.node.run("sysctl", "-qw", "net.ipv4.ip_local_port_range=50000 50007")
    clients = [node.connect() for _ in range(24)]
    accepted = [listener.accept()[0] for _ in clients]
    assert all(steered(one)["service"] == (SERVICE, 80) for one in accepted)


def test_nothing_is_known_of_other_connections(node):
    node.serve(web(node.far()))
    node.connect("127.0.0.1", OUTBOUND)
    server, _ = node.listener().accept()
    assert steered(server) is None and original(server, socket.AF_INET) is None


def test_a_connection_that_its_client_has_closed_is_known(node):
    node.serve(web(node.far()))
    with node.connect() as client:
        client.sendall(b"bye")
    server, _ = node.listener().accept()
    assert steered(server)["service"] == (SERVICE, 80) and server.recv(100) == b"bye"


def test_without_an_agent_connections_are_refused_and_never_clear(node):
    target = node.far()
    node.serve(web(target))
    node.thaw()
    node.agent.kill()
    # The worker, which has the listeners too, ends with the agent.
    wait_until(lambda: node.refused() == errno.ECONNREFUSED, "nobody to listen")
    assert node.refused(SERVICE6) == errno.ECONNREFUSED
    node.agent.start()
    node.agent.wait_applied(web(target))
    node.freeze()
    node.connect()
    with node.listener() as listener:
        assert steered(listener.accept()[0])["backend"] == (target.address, target.port)
    node.thaw()
    node.agent.stop()
    wait_until(lambda: node.refused() == errno.ECONNREFUSED, "nobody to listen")
    assert target.peers == []


def test_a_node_without_certificates_refuses(world):
    node = Encrypted(world, tls=False)
    target = node.far()
    node.serve(web(target))
    assert node.refused() == errno.ECONNREFUSED
    assert node.count("tls_unavailable") == 1
    degraded = {one["feature"]: one for one in node.agent.status()["degraded"]}["tls"]
    assert "web must be encrypted" in degraded["reason"] and degraded["remedy"]
    assert node.programs().isdisjoint({"md_getsockopt", "md_guard"})
    assert target.peers == []


def test_the_section_comes_and_goes(node):
    target = node.far()
    node.serve(web(target))
    node.settings(tls=False)
    node.agent.reload()
    node.agent.wait_status(lambda status: "tls" in [one["feature"] for one in status["degraded"]], "the section to be gone")
    assert node.refused() == errno.ECONNREFUSED
    node.thaw()
    wait_until(lambda: node.refused("127.0.0.1", OUTBOUND) == errno.ECONNREFUSED, "the listeners to be closed")
    node.freeze()
    node.settings(outbound_port=15007)
    node.agent.reload()
    node.agent.wait_status(lambda status: "tls" not in [one["feature"] for one in status["degraded"]], "the section to be there")
    node.connect()
    assert steered(node.listener(15007).accept()[0])["service"] == (SERVICE, 80)
    assert target.peers == []


def test_a_port_that_is_taken_is_told_and_refuses(world):
    node = Encrypted(world, tls=False)
    target = node.far()
    node.serve(web(target))
    with node.hosts.node.entered(), socket.create_server(("", OUTBOUND)):
        node.settings()
        node.agent.reload()
        node.agent.wait_status(lambda status: any("port 15001" in one["reason"] for one in status["degraded"]), "the port to be named")
        assert node.refused() == errno.ECONNREFUSED
    node.agent.api.post("/v1/reconcile", {})
    node.agent.wait_status(lambda status: "tls" not in [one["feature"] for one in status["degraded"]], "the port to be taken")
    node.connect()
    assert target.peers == []


def test_programs_are_there_only_while_something_is_encrypted(node):
    target = node.far()
    node.serve(web(target, tls={"mode": "off"}))
    assert node.programs().isdisjoint({"md_getsockopt", "md_guard"})
    with node.connect() as client:
        assert read_line(client) == "far"
    node.serve(web(target))
    wait_until(lambda: {"md_getsockopt", "md_guard"} <= node.programs(), "programs to be attached")
    node.serve(web(target, tls={"mode": "off"}))
    wait_until(lambda: node.programs().isdisjoint({"md_getsockopt", "md_guard"}), "programs to be detached")


def test_identities_are_those_of_cgroups_and_users(world):
    root = "/" + str(world.place.cgroup.path.relative_to(mount_point()))
    shop = world.keep(Cgroup("shop", world.place.cgroup.path))
    unit = f"md{os.getpid()}.service"
    node = Encrypted(world, identities=[{"name": "all", "workload": root}, {"name": "shop", "workload": f"{root}/shop"},
                                        {"name": "unit", "unit": unit}, {"name": "daemon", "user": "daemon"}])
    node.serve(web(node.far()))
    listener = node.listener()

    def identity(cgroup):
        with cgroup.entered(), node.hosts.node.entered():
            made = world.keep(socket.socket())
        made.connect((SERVICE, 80))
        return steered(listener.accept()[0])["identity"]

    assert identity(world.place.cgroup) == identity_number("all")
    assert identity(shop) == identity_number("shop")
    # A unit that begins later, inside of what another identity names.
    later = world.keep(Cgroup(unit, shop.path))
    node.agent.api.post("/v1/reconcile", {})
    assert identity(later) == identity_number("unit")

    shown = node.agent.meshctl_json("identity", "show")
    assert {one["name"]: one["cgroups"] for one in shown["identities"]} == {
        "all": [root], "shop": [f"{root}/shop"], "unit": [f"{root}/shop/{unit}"], "daemon": []}
    with subprocess.Popen(["sleep", "60"], preexec_fn=later.enter) as sleeper:
        theirs = node.agent.meshctl_json("identity", "show", sleeper.pid)["process"]
        sleeper.kill()
    assert theirs["identity"] == "unit" and theirs["cgroup"] == f"{root}/shop/{unit}"
    mine = node.agent.meshctl_json("identity", "show", os.getpid())["process"]
    assert mine["identity"] is None and mine["user"] == os.getuid()
    assert node.agent.meshctl("identity", "show", "2147483647", check=False).returncode == 1


def test_a_user_has_an_identity_where_no_cgroup_has(world):
    node = Encrypted(world, identities=[{"name": "daemon", "user": "daemon"}])
    node.serve(web(node.far()))

    def become():
        node.hosts.node.enter()
        world.place.cgroup.enter()
        os.setuid(DAEMON)

    run("/usr/bin/python3", "-c", f"import socket; socket.create_connection(('{SERVICE}', 80), 5)", preexec_fn=become)
    told = steered(node.listener().accept()[0])
    assert told["identity"] == identity_number("daemon") and told["user"] == DAEMON


def test_same_node_encrypt_leads_even_to_itself(node):
    target = node.near("10.1.0.1")
    node.serve(web(target, tls={"mode": "mutual", "same_node": "encrypt"}))
    node.connect()
    assert steered(node.listener().accept()[0])["backend"] == (target.address, target.port)


def test_a_loopback_backend_of_another_host_is_not_this_hosts(node):
    mine = node.near("127.0.0.1")
    node.serve({**web(mine), "backends": [{"address": "127.0.0.1", "port": mine.port, "host": "10.2.0.2"}]})
    node.connect()
    assert steered(node.listener().accept()[0])["backend"] == ("127.0.0.1", mine.port)
    assert mine.peers == []


def test_explain_says_that_it_would_be_encrypted(node):
    target = node.far()
    node.serve(web(target))
    shown = node.agent.meshctl_json("explain", f"{SERVICE}:80")
    assert shown["encrypted"] is True and shown["outcome"] == "tls_steered" and shown["chosen"]["address"] == target.address
    node.serve(web(target, tls={"mode": "off"}))
    assert node.agent.meshctl_json("explain", f"{SERVICE}:80")["encrypted"] is False


def test_the_inbound_listener_is_there(node):
    node.freeze()
    with node.hosts.client.entered(), socket.create_connection(("10.1.0.1", INBOUND), 5):
        server, peer = node.listener(INBOUND).accept()
        assert peer[0] == "::ffff:10.1.0.2"
        server.close()


def test_a_worker_that_dies_leaves_the_listeners_open(node):
    node.serve(web(node.far()))
    before = node.agent.worker_pid()
    os.kill(before, signal.SIGKILL)
    assert node.refused() == 0
    node.agent.wait_status(lambda status: status["worker"]["pid"] not in (0, before) and status["worker"]["state"] == "running",
                           "another worker")
    node.freeze()
    node.connect()
    listener = node.listener()
    wait_until(lambda: steered(listener.accept()[0])["service"] == (SERVICE, 80), "the connection")


SPEAKS = """
import socket
line = socket.create_connection(({address!r}, {port}), 5)
got = b""
line.sendall(b"x" * 1000)
while got.count(b"x") < 1000:
    got += line.recv(2000)
"""


def test_what_the_worker_says_to_applications_takes_the_short_way(world):
    home = world.keep(Cgroup("meshd", world.place.cgroup.path))
    node = Encrypted(world, home=home, options=["--worker-user", "daemon"])
    short = ShortWay(world, node.agent)
    if short.keys() is None:
        pytest.skip("nothing takes the short way on this kernel")
    target = node.far()
    with world.place.cgroup.entered():
        near = node.near("10.1.0.1")
    short.publish(web(target), {**web(near), "name": "near", "addresses": ["10.96.0.11"]})
    node.freeze()
    client = node.connect()
    server, _ = node.listener().accept()
    client.sendall(b"hello")
    assert server.recv(100) == b"hello"
    server.sendall(b"there")
    assert client.recv(100) == b"there"
    wait_until(lambda: short.services()["web"]["bytes_short"] == 10, lambda: f"bytes: {short.services()}")

    def become_the_worker():
        node.hosts.node.enter()
        home.enter()
        os.setuid(DAEMON)

    run("/usr/bin/python3", "-c", SPEAKS.format(address=near.address, port=near.port), preexec_fn=become_the_worker)
    wait_until(lambda: short.services()["near"]["opened"] == 1, lambda: f"a pair: {short.services()}")
    assert node.agent.service("near")["ports"][0]["connects"] == 0
