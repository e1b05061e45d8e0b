# SPDX-License-Identifier: Apache-2.0
"""meshctl apply, get and delete on MeshConfigurations of a real API server."""

import json
import pathlib
import urllib.error

import pytest
import yaml

from harness import kubernetes
from harness.meshctl_user import Operator
from harness.process import wait_until
from harness.registry import backend, document, service

pytestmark = [pytest.mark.xdist_group("kubernetes"),
              pytest.mark.skipif(not kubernetes.REAL or kubernetes.RECORDS, reason="no API server; see scripts/build-kube-apiserver.sh")]
CRD = yaml.safe_load((pathlib.Path(__file__).resolve().parents[2] / "deploy/kubernetes/crd.yaml").read_text())
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
OBJECTS = "/apis/meshd.dev/v1alpha1/meshconfigurations"
LONG = 60  # s


def exists(api, path):
    try:
        return api.call("GET", path)
    except urllib.error.HTTPError:
        return None


def uninstall(api):
    path = f"{CRDS}/{CRD['metadata']['name']}"
    if exists(api, path):
        api.call("DELETE", path)
        wait_until(lambda: not exists(api, path), "the resource to go", timeout=LONG)
    wait_until(lambda: not exists(api, OBJECTS), "the resource not to be served", timeout=LONG)


@pytest.fixture
def bare(shop):
    uninstall(shop.api)
    yield shop
    uninstall(shop.api)


@pytest.fixture
def operator(bare):
    """With the CRD, and the rights of an administrator."""
    bare.api.call("POST", CRDS, CRD)
    wait_until(lambda: exists(bare.api, OBJECTS), "the resource to be served", timeout=LONG)
    return made(bare, kubernetes.ADMIN)


def made(shop, token):
    """The kubeconfig of the nodes, and a token of one's own."""
    config = json.loads(shop.settings().read_text())
    path = shop.directory / "own-token"
    path.write_text(token)
    return Operator(shop.world, ["--kubeconfig", config["registry"]["kubernetes"]["kubeconfig"], "--token-file", path], **config["registry"])


def line(name, shop, number=1, target=None):
    target = target or shop.a
    return service(name, f"10.97.3.{number}", 7, [backend(target.address, target.port)])


def names(shop):
    return {one["metadata"]["name"] for one in shop.api.call("GET", OBJECTS)["items"]}


def test_objects_reach_a_node_and_go_again(bare, operator):
    shop = bare
    shop.agent = shop.world.agent("--config", operator.config)
    assert operator.apply(line("shop/web", shop), options=["--wait=60s"]) == [
        "service/shop/web created", "", "this node has it in force"]
    assert operator.apply(line("shop/web", shop)) == ["service/shop/web unchanged"]
    [item] = shop.api.call("GET", OBJECTS)["items"]
    assert item["metadata"]["annotations"]["meshd.dev/name"] == "shop/web"
    assert item["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "meshctl"
    # What others add stays, and what nodes say of it is in nobody's way.
    shop.api.call("PATCH", f"{OBJECTS}/{item['metadata']['name']}", {"metadata": {"labels": {"team": "a"}}}, "application/merge-patch+json")
    wait_until(lambda: "accepted" in operator.run("get").stdout, lambda: f"a node to accept it: {operator.run('get').stdout}", LONG)
    assert operator.apply(line("shop/web", shop, target=shop.b), options=["--wait=60s"])[0] == "service/shop/web configured"
    [item] = shop.api.call("GET", OBJECTS)["items"]
    assert item["metadata"]["labels"]["team"] == "a"
    given = operator.run("get", "service/shop/web", "-o", "yaml").stdout
    assert operator.apply(text=given) == ["service/shop/web unchanged"]
    assert operator.run("delete", "service/shop/web").stdout == "service/shop/web deleted\n"
    wait_until(lambda: "shop/web" not in shop.agent.services(), "the service to go", LONG)
    assert names(shop) == set()


def test_conflicts_and_what_the_server_does_not_take_write_nothing(bare, operator):
    shop = bare
    operator.apply(line("one", shop))
    shop.api.call("POST", OBJECTS, {"apiVersion": "meshd.dev/v1alpha1", "kind": "MeshConfiguration", "metadata": {"name": "by-hand"},
                                    "spec": {"services": [line("two", shop, 2)]}})
    text = document([line("new", shop, 3), line("two", shop, 4)])
    message = operator.refused("apply", "-f", operator.file(text))
    assert "already defined at kubernetes:kubernetes/by-hand:" in message and "meshctl delete file/by-hand" in message, message
    assert names(shop) == {"service-one", "by-hand"}
    assert operator.run("delete", "file/by-hand").returncode == 0
    assert operator.apply(text=text) == ["service/new created", "service/two created"]


def test_who_may_not_write_and_a_cluster_without_the_resource_are_told(bare):
    message = made(bare, kubernetes.ADMIN).refused("get")
    assert "kubectl apply -f deploy/kubernetes/crd.yaml" in message, message
    bare.api.call("POST", CRDS, CRD)
    wait_until(lambda: exists(bare.api, OBJECTS), "the resource to be served", timeout=LONG)
    # The account of the nodes may read.
    nodes = made(bare, bare.api.token())
    wait_until(lambda: nodes.run("get").returncode == 0, lambda: f"the right to read: {nodes.run('get').stderr}", LONG)
    message = nodes.refused("apply", "-f", nodes.file(document([line("one", bare)])))
    assert "it answers 403" in message and "list, create, update and delete" in message, message
    assert names(bare) == set()
