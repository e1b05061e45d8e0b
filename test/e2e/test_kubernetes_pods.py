# SPDX-License-Identifier: Apache-2.0
"""Pods as workloads: what they connect to goes out under the identity of their service account. On a real API server; cgroups are made
as the kubelet makes them, since there is none here."""

import contextlib
import json
import socket
import uuid

import pytest

from harness import kubernetes
from harness.authority import TRUST_DOMAIN
from harness.cgroup import Cgroup, mount_point
from harness.echo import TcpEcho, read_line
from harness.kube_objects import NAMESPACE, PORT, endpoint, endpoint_slice, node, pod, service
from harness.kube_shop import HERE, THERE, Relay, write_kubeconfig
from harness.mesh import SERVICE, Mesh, connect, encrypted, rules
from harness.process import Process, wait_until
from harness.registry import backend
from harness.registry import service as of_file
from harness.signing_site import site

pytestmark = [pytest.mark.xdist_group("kubernetes"),
              pytest.mark.skipif(not kubernetes.REAL, reason="needs what scripts/build-kube-apiserver.sh builds, and etcd")]
ALL = {"name": "ns/{namespace}/sa/{service_account}", "pod": {"namespace": NAMESPACE}}
CLUSTER_IP, POD = "10.96.7.10", "10.3.0.9"
SPIFFE = f"spiffe://{TRUST_DOMAIN}/ns/{NAMESPACE}/sa"


@pytest.fixture
def api(kube_server):
    yield kube_server
    kube_server.end()


def follow(host, api):
    """What leads a host's agent to the API server: its cgroups are the node's."""
    host.keep(Relay(host, api.port, host.netns))
    root = "/" + str(host.place.cgroup.path.relative_to(mount_point()))
    entry = {"kubeconfig": str(write_kubeconfig(host.place.root, api)), "node": HERE, "cgroup_root": root}
    return f"registry: {json.dumps({'kubernetes': entry, 'hold': {'share': '100%'}})}\n"


def uid_of(api, name):
    return api.call("GET", api.path("pods", name))["metadata"]["uid"]


def container_of(host, uid, quality="burstable"):
    """The cgroup of a container, as the kubelet's driver cgroupfs makes it."""
    path = host.place.cgroup.path / "kubepods" / quality / f"pod{uid}"
    path.mkdir(parents=True, exist_ok=True)
    return Cgroup("container", path)


def told(host, pid):
    return json.loads(host.agent.meshctl("identity", "show", str(pid), "-o", "json").stdout)["process"]


def identities(host):
    return {one["name"]: one for one in json.loads(host.agent.meshctl("identity", "show", "-o", "json").stdout)["identities"]}


def said(host, cgroup):
    """What the echo says to a connection of a process of this cgroup; empty: it was refused."""
    with cgroup.entered(), host.netns.entered():
        try:
            with socket.create_connection((SERVICE, 80), timeout=10) as made:
                return read_line(made)
        except (OSError, AssertionError):
            return ""


def test_connections_of_pods_have_the_identity_of_their_service_account(api):
    allow = [{"node": f"spiffe://{TRUST_DOMAIN}/node/*", "may_have": [f"{SPIFFE}/*"]}]
    with site(allow=allow) as made:
        server, client = made.mesh.hosts
        api.put("nodes", node(HERE, client.address))
        made.start(server)
        made.wait_for(server, "ok")
        made.start(client, extra=follow(client, api), identities=[ALL])
        made.wait_for(client, "ok")
        echo = server.keep(TcpEcho("b", server.address, server.netns))
        for host in (server, client):
            host.place.registry.write(encrypted(echo))
        server.agent.wait_applied(encrypted(echo))
        rules(server, f"{{name: none, action: deny, from: {{identity: 'spiffe://{TRUST_DOMAIN}/**'}}, to: {{service: web}}}}",
              f"{{name: web, action: allow, from: {{identity: '{SPIFFE}/web'}}, to: {{service: web}}}}")

        for name, account in (("web-1", "web"), ("till-1", "till")):
            api.put("pods", pod(name, account, HERE))
        api.put("pods", pod("web-2", "web", THERE))
        web, till = container_of(client, uid_of(api, "web-1")), container_of(client, uid_of(api, "till-1"), "besteffort")
        stranger = container_of(client, str(uuid.uuid4()))
        for name in ("web", "till"):
            made.wait_for(client, "ok", f"ns/{NAMESPACE}/sa/{name}")
        assert identities(client)[f"ns/{NAMESPACE}/sa/web"]["pods"] == [f"{NAMESPACE}/web-1"]

        # The peer goes by the certificate that it sees.
        wait_until(lambda: said(client, web) == "b", lambda: f"the pod's connection:\n{client.agent.output()}\n{server.agent.output()}")
        wait_until(lambda: said(client, till) == "" and server.figure("meshd_tls_denied_total") > 0, "the rule to hold")
        # A cgroup among those of pods that is none of the server's pods has no identity, not even the node's: its kernel refuses it.
        before = client.figure("meshd_tls_refused_total")
        assert said(client, stranger) == ""
        wait_until(lambda: client.figure("meshd_tls_refused_total") > before, "the refusal to be counted")
        sleeper = client.keep(Process(["sleep", "60"], client.place.root / "logs/sleep", web.enter))
        assert told(client, sleeper.pid)["identity"] == f"ns/{NAMESPACE}/sa/web"

        # With the last pod its identity goes, and its key.
        key = made.issued(client, f"identity-ns+{NAMESPACE}+sa+web")
        assert key.exists()
        api.delete("pods", "web-1")
        wait_until(lambda: f"ns/{NAMESPACE}/sa/web" not in identities(client), lambda: f"it to go: {identities(client)}")
        wait_until(lambda: not key.exists(), "its key to go")
        assert said(client, web) == ""
        assert f"ns/{NAMESPACE}/sa/till" in identities(client)


def test_flows_show_the_name_of_their_pod(world, api):
    api.put("nodes", node(HERE, "192.0.2.1"))
    api.put("pods", pod("web-1", "web", HERE))
    settings = world.place.root / "kubernetes.yaml"
    root = "/" + str(world.place.cgroup.path.relative_to(mount_point()))
    settings.write_text(json.dumps({"registry": {"kubernetes": {
        "kubeconfig": str(write_kubeconfig(world.place.root, api)), "node": HERE, "cgroup_root": root, "pods": True}}}))
    agent = world.agent("--config", settings)
    web, stranger = container_of(world, uid_of(api, "web-1")), container_of(world, str(uuid.uuid4()), "besteffort")
    echo = world.tcp_echo("a")

    def names(cgroup):
        return [row["pod"] for row in agent.meshctl_json("flow", "list", "--top", "100")["flows"]
                if row["server"] == f"127.0.0.1:{echo.port}" and row["cgroup"].startswith("/" + str(cgroup.path.relative_to(mount_point())))]

    with contextlib.ExitStack() as open_ones:
        for cgroup in (web, stranger):
            with cgroup.entered():
                open_ones.enter_context(socket.create_connection(("127.0.0.1", echo.port), timeout=10))
        wait_until(lambda: names(web) == [f"{NAMESPACE}/web-1"], lambda: f"the pod's flow: {names(web)}\n{agent.output()}")
        assert names(stranger) == [""]
        assert f"{NAMESPACE}/web-1" in agent.meshctl("flow", "list", "-o", "wide").stdout


def test_a_backend_is_reached_by_the_worker_of_its_node(api):
    """No route leads to the pod's address from here: it is its node that is asked."""
    with contextlib.closing(Mesh()) as mesh:
        client, server = mesh.hosts
        server.netns.ip("addr", "add", f"{POD}/32", "dev", "lo")
        for name, host in ((HERE, client), (THERE, server)):
            api.put("nodes", node(name, host.address))
        client.start(extra=follow(client, api))
        server.start()
        server.keep(TcpEcho("b", POD, server.netns, PORT))
        shop = f"{NAMESPACE}/web"
        server.place.registry.write(of_file(shop, [CLUSTER_IP], 80, [backend(POD, PORT, host=server.address)], tls={"mode": "mutual"}))
        client.place.registry.replace(f"service_settings:\n  - {{service: {shop}, tls: {{mode: mutual}}}}\n", "settings")
        api.put("services", service("web", CLUSTER_IP))
        api.put("endpointslices", endpoint_slice("web-1", "web", endpoint(POD, node=THERE)))

        def reached():
            try:
                with contextlib.closing(connect(client, CLUSTER_IP)) as made:
                    return read_line(made) == "b"
            except (OSError, AssertionError):
                return False
        wait_until(reached, lambda: f"the pod's answer:\n{client.agent.output()}\n{server.agent.output()}", timeout=30)
        assert client.figure("meshd_tls_handshakes_total", result="ok") > 0
