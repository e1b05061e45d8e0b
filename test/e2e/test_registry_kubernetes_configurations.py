# SPDX-License-Identifier: Apache-2.0
"""MeshConfigurations on a real API server: what a registry file says, as an object of the cluster, and its status. What such a server said
is replayed by unit tests where there is none."""

import json
import pathlib
import urllib.error
import urllib.request

import pytest
import yaml

from harness import kubernetes
from harness.kube_objects import endpoint, endpoint_slice, service
from harness.process import wait_until

WEB = "10.96.7.10"
CRD = yaml.safe_load((pathlib.Path(__file__).resolve().parents[2] / "deploy/kubernetes/crd.yaml").read_text())
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
CONFIGURATIONS = "/apis/meshd.dev/v1alpha1/meshconfigurations"
pytestmark = [pytest.mark.xdist_group("kubernetes"),  # one API server, not one for each process
              pytest.mark.skipif(not kubernetes.REAL or kubernetes.RECORDS, reason="no API server; see scripts/build-kube-apiserver.sh")]


class Configurations:
    def __init__(self, api):
        self.api = api

    def exists(self, path):
        try:
            return self.api.call("GET", path)
        except urllib.error.HTTPError as error:
            assert error.code == 404, error
            return None

    def install(self):
        self.api.call("POST", CRDS, CRD)
        wait_until(lambda: self.exists(CONFIGURATIONS), "the resource to be served", timeout=30)

    def uninstall(self):
        if not self.exists(f"{CRDS}/{CRD['metadata']['name']}"):
            return
        self.api.call("DELETE", f"{CRDS}/{CRD['metadata']['name']}")
        wait_until(lambda: not self.exists(f"{CRDS}/{CRD['metadata']['name']}"), "the resource to go", timeout=60)

    def put(self, name, **spec):
        item = {"apiVersion": "meshd.dev/v1alpha1", "kind": "MeshConfiguration", "metadata": {"name": name}, "spec": spec}
        if self.exists(f"{CONFIGURATIONS}/{name}"):
            return self.api.call("PATCH", f"{CONFIGURATIONS}/{name}", [{"op": "replace", "path": "/spec", "value": spec}],
                                 "application/json-patch+json")
        return self.api.call("POST", CONFIGURATIONS, item)

    def delete(self, name):
        self.api.call("DELETE", f"{CONFIGURATIONS}/{name}")

    def accepted(self, name):
        """The condition, when it is of the newest version."""
        item = self.api.call("GET", f"{CONFIGURATIONS}/{name}")
        for one in item.get("status", {}).get("conditions", []):
            if one["type"] == "Accepted" and one["observedGeneration"] == item["metadata"]["generation"]:
                return one
        return None

    def printed(self, name):
        """The columns that kubectl prints of it, but for its age."""
        headers = {"Authorization": f"Bearer {kubernetes.ADMIN}", "Accept": "application/json;as=Table;g=meta.k8s.io;v=v1"}
        with self.api.open(urllib.request.Request(self.api.url + CONFIGURATIONS, headers=headers)) as answer:
            table = json.load(answer)
        columns = [one["name"] for one in table["columnDefinitions"]]
        assert columns == ["Name", "Accepted", "Reason", "Age"]
        return next(row["cells"][1:3] for row in table["rows"] if row["cells"][0] == name)

    def wait_accepted(self, name, status):
        return wait_until(lambda: (one := self.accepted(name)) and one["status"] == status and one,
                          lambda: f"{name} to be {status}: {self.accepted(name)}", timeout=40)


@pytest.fixture
def absent(shop):
    """No such resource; the test may bring it."""
    made = Configurations(shop.api)
    made.uninstall()
    yield made
    made.uninstall()


@pytest.fixture
def configurations(absent):
    absent.install()
    return absent


@pytest.fixture
def web(shop):
    shop.api.put("services", service("web", WEB))
    shop.api.put("endpointslices", endpoint_slice("web-1", "web", endpoint(shop.a), endpoint(shop.b)))
    shop.follow()
    shop.wait("web", a="ready", b="ready")
    return shop


def web_of(shop):
    return next((one for name, one in shop.agent.services().items() if name.endswith("/web")), None)


def refused_of(shop):
    return {one["object"]: one["error"] for one in shop.registry()["refused"]}


def name_of(shop):
    return web_of(shop)["name"]


def wait_for(shop, **values):
    wait_until(lambda: web_of(shop)["status"] == "applied" and all(web_of(shop).get(key) == value for key, value in values.items()),
               lambda: f"{values} of {web_of(shop)}\n{shop.registry()}", timeout=40)


def test_an_object_gives_settings_to_a_service_and_rules_to_traffic(configurations, web):
    usual = web_of(web)
    name = usual["name"]
    configurations.put("shop", service_settings=[{"service": name, "balancing": {"policy": "round_robin"}, "limits": {"connections": 7},
                                                  "health": {"probe": {"type": "tcp", "interval": "200ms", "jitter": 0.1}}}])
    wait_for(web, balancing="round_robin", source=f"{usual['source']} + kubernetes:kubernetes/shop")
    assert web_of(web)["limits"]["connections"] == 7
    wait_until(lambda: all(one["health"].get("state") == "healthy" for one in web_of(web)["ports"][0]["backends"]),
               lambda: f"probes: {web_of(web)}", timeout=40)
    assert web.reached(WEB) == {"a", "b"}
    accepted = configurations.wait_accepted("shop", "True")
    assert accepted["reason"] == "Accepted"
    assert configurations.printed("shop") == ["True", "Accepted"]

    configurations.put("rules", policies=[{"name": "nobody", "action": "deny", "to": {"service": name}}])
    wait_until(lambda: web.refusal(WEB) is not None, "connections to be refused", timeout=40)
    configurations.delete("rules")
    wait_until(lambda: web.refusal(WEB) is None, "connections to be let through", timeout=40)
    configurations.delete("shop")
    wait_for(web, balancing=usual["balancing"], source=usual["source"], limits=usual.get("limits"))


def test_a_bad_object_is_refused_alone_and_its_last_good_version_stays(configurations, web):
    name = name_of(web)
    configurations.put("good", service_settings=[{"service": name, "balancing": "maglev"}])
    configurations.put("other", services=[{"name": "other", "address": "10.96.9.9", "port": 80, "backends": []}])
    wait_for(web, balancing="maglev")
    configurations.wait_accepted("other", "True")
    configurations.put("good", service_settings=[{"service": name, "balancing": {"polcy": "latency"}}])
    refused = configurations.wait_accepted("good", "False")
    assert refused["message"].startswith("spec.service_settings[0].balancing.polcy: unknown key"), refused
    assert refused["reason"] == "Refused"
    assert web_of(web)["balancing"] == "maglev" and "other" in web.agent.services()
    assert "kubernetes:kubernetes/good: spec.service_settings[0].balancing.polcy" in refused_of(web)["good"]
    assert "other" not in refused_of(web)
    assert configurations.accepted("other")["status"] == "True"
    assert "polcy" in web.agent.meshctl("registry", "show", "kubernetes", check=False).stdout
    # What can be checked by itself the server checks.
    with pytest.raises(urllib.error.HTTPError) as wrong:
        configurations.put("other", services=[{"name": "other", "address": "10.96.9.9", "port": 80000, "backends": []}])
    assert wrong.value.code == 422
    configurations.put("good", service_settings=[{"service": name, "balancing": "latency"}])
    configurations.wait_accepted("good", "True")
    wait_for(web, balancing="latency")
    wait_until(lambda: "good" not in refused_of(web), "it to be accepted")


def test_of_two_objects_for_one_service_the_first_by_name_has_it(configurations, web):
    name = name_of(web)
    configurations.put("b", service_settings=[{"service": name, "balancing": "maglev"}])
    wait_for(web, balancing="maglev")
    configurations.put("a", service_settings=[{"service": name, "balancing": "latency"}])
    wait_for(web, balancing="latency")
    refused = configurations.wait_accepted("b", "False")
    assert "already given at a: spec.service_settings[0].service" in refused["message"]
    configurations.delete("a")
    wait_for(web, balancing="maglev")
    configurations.wait_accepted("b", "True")


def test_without_the_resource_the_rest_works_and_later_it_is_followed(absent, web):
    web.wait_well()
    assert web.reached(WEB) == {"a", "b"}
    assert "crd.yaml" in web.agent.output()
    absent.install()
    absent.put("shop", service_settings=[{"service": name_of(web), "balancing": "maglev"}])
    web.agent.meshctl("registry", "sync", "kubernetes")
    wait_for(web, balancing="maglev")


def test_a_file_gives_settings_to_a_service_of_the_cluster(absent, web):
    usual = web_of(web)
    path = web.world.registry.path("settings")
    web.world.registry.replace(json.dumps({"service_settings": [{"service": usual["name"], "balancing": "maglev",
                                                                 "drain": {"deadline": "20s"}}]}), "settings")
    wait_for(web, balancing="maglev", source=f"{usual['source']} + file:{path}")
    assert web_of(web)["drain"]["deadline_s"] == 20
    # The cluster goes on to say what stands behind it.
    web.api.put("endpointslices", endpoint_slice("web-1", "web", endpoint(web.b)))
    web.wait("web", b="ready")
    assert web_of(web)["balancing"] == "maglev"
    path.unlink()
    wait_for(web, balancing=usual["balancing"], source=usual["source"])


def test_settings_outlive_the_server(configurations, web):
    configurations.put("shop", service_settings=[{"service": name_of(web), "balancing": "maglev"}])
    wait_for(web, balancing="maglev")
    configurations.wait_accepted("shop", "True")
    state = web.world.place.root / "state/desired.jsonl"
    wait_until(lambda: state.exists() and "maglev" in state.read_text(), "the state to be written")
    web.api.kill()
    web.wait_error("cannot follow")
    web.agent.stop()
    web.agent.start()
    wait_for(web, balancing="maglev")
    assert "kubernetes:kubernetes/shop" in web_of(web)["source"]
    web.api.start()
    web.wait_well(timeout=60)
    assert web_of(web)["balancing"] == "maglev"
    configurations.delete("shop")
    wait_for(web, balancing="random")


def test_what_stands_in_a_status_is_not_written_again(configurations, web):
    configurations.put("shop", service_settings=[{"service": name_of(web), "balancing": "maglev"}])
    configurations.wait_accepted("shop", "True")
    written = configurations.api.call("GET", f"{CONFIGURATIONS}/shop")["metadata"]["resourceVersion"]
    web.agent.stop()
    web.agent.start()
    web.wait_well()
    # It looks at all of them when one is another, so it has looked at this one when that is written.
    configurations.put("other", services=[])
    configurations.wait_accepted("other", "True")
    assert configurations.api.call("GET", f"{CONFIGURATIONS}/shop")["metadata"]["resourceVersion"] == written
