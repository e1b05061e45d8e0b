# SPDX-License-Identifier: Apache-2.0
"""What is for Kubernetes in deploy/: the chart by helm itself, and what it makes by a real API server, where there are such."""

import pathlib
import re
import shutil
import urllib.error

import pytest
import yaml

from harness.booted_root import TOP
from harness.kubernetes import ADMIN, RBAC, REAL
from harness.place import build_directory
from harness.process import run

CHART = TOP / "deploy/helm/meshd"
CRD = TOP / "deploy/kubernetes/crd.yaml"
DAEMONSET = TOP / "deploy/kubernetes/daemonset.yaml"
HELM = shutil.which("helm") or shutil.which("helm", path="/usr/local/lib/meshd-test/bin")
PATHS = {"ConfigMap": "/api/v1/namespaces/meshd/configmaps", "DaemonSet": "/apis/apps/v1/namespaces/meshd/daemonsets",
         "ServiceAccount": "/api/v1/namespaces/meshd/serviceaccounts"}
# As a site may have them.
VALUES = """
image: {repository: images.example/meshd, tag: "7", pullSecrets: [{name: password}]}
apiServer: {host: 192.0.2.10, port: 6443}
configuration: {metrics: {listen: "0.0.0.0:9717"}, policy: {default: deny}}
services:
  web.yaml: {services: [{name: web, address: 10.0.0.1, port: 80, backends: [{address: 10.0.0.2, port: 80}]}]}
"""
needs_helm = pytest.mark.skipif(HELM is None, reason="helm is not installed")
needs_server = pytest.mark.skipif(not REAL, reason="no real API server: scripts/build-kube-apiserver.sh builds one")


def documents(text):
    return [one for one in yaml.safe_load_all(text) if one]


def helm(*arguments, check=True, **options):
    return run(HELM, *arguments, check=check, **options)


def rendered(*options):
    return documents(helm("template", "meshd", CHART, "--namespace", "meshd", *options).stdout)


def of_kind(found, kind, name="meshd"):
    return next(one for one in found if one["kind"] == kind and one["metadata"]["name"] == name)


@pytest.fixture
def site(tmp_path):
    path = tmp_path / "site.yaml"
    path.write_text(VALUES)
    return path


def check_files(found, directory):
    """What the agent will read, by meshctl."""
    for name in ("meshd", "meshd-services"):
        for file, content in of_kind(found, "ConfigMap", name).get("data", {}).items():
            (directory / file).write_text(content)
            run(build_directory() / "meshctl", "config", "check", directory / file)


@needs_helm
def test_helm_finds_nothing_to_say_of_the_chart():
    assert "0 chart(s) failed" in helm("lint", "--strict", CHART).stdout


@needs_helm
def test_the_plain_manifests_are_what_helm_makes():
    found = rendered()
    plain = documents(DAEMONSET.read_text())
    assert [one for one in found if one["kind"] in ("ConfigMap", "DaemonSet")] == plain
    rights = documents(RBAC.read_text())
    for kind in ("ServiceAccount", "ClusterRole", "ClusterRoleBinding"):
        assert of_kind(found, kind) == of_kind(rights, kind)
    assert of_kind(rendered("--include-crds"), "CustomResourceDefinition", "meshconfigurations.meshd.dev") == documents(CRD.read_text())[0]


@needs_helm
def test_values_reach_the_pod_and_wrong_ones_are_refused(site, tmp_path):
    found = rendered("--values", site)
    container = of_kind(found, "DaemonSet")["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "images.example/meshd:7"
    assert {"name": "KUBERNETES_SERVICE_PORT", "value": "6443"} in container["env"]
    assert container["readinessProbe"]["httpGet"] == {"host": "127.0.0.1", "port": 9717, "path": "/healthz"}
    check_files(found, tmp_path)
    wrong = helm("template", "meshd", CHART, "--set", "image.tagg=7", check=False)
    assert wrong.returncode != 0 and "tagg" in wrong.stderr


def test_the_agent_takes_the_plain_configuration(tmp_path):
    check_files(documents(DAEMONSET.read_text()), tmp_path)


def test_pod_and_unit_have_the_same_capabilities_and_each_is_explained():
    pod = of_kind(documents(DAEMONSET.read_text()), "DaemonSet")["spec"]["template"]["spec"]["containers"][0]["securityContext"]["capabilities"]
    unit = re.search(r"^CapabilityBoundingSet=(.*)$", (TOP / "deploy/systemd/meshd.service.in").read_text(), re.MULTILINE)[1].split()
    explained = re.findall(r"^\| `(CAP_\w+)`", (TOP / "docs/security.md").read_text(), re.MULTILINE)
    assert pod["drop"] == ["ALL"]
    assert {f"CAP_{name}" for name in pod["add"]} == set(unit) == set(explained)


@needs_server
@pytest.mark.xdist_group("kubernetes")
def test_a_real_server_takes_the_manifests(kube_server):
    for item in documents(DAEMONSET.read_text()):
        made = kube_server.call("POST", PATHS[item["kind"]] + "?dryRun=All", item)
        assert made["metadata"]["name"] == item["metadata"]["name"]
    item["spec"]["template"]["spec"]["containers"][0]["securityContext"]["capabilities"] = {"add": "ALL"}
    with pytest.raises(urllib.error.HTTPError):
        kube_server.call("POST", PATHS["DaemonSet"] + "?dryRun=All", item)


@needs_helm
@needs_server
@pytest.mark.xdist_group("kubernetes")
def test_helm_finds_that_a_real_server_knows_all_that_it_makes(kube_server, site, tmp_path):
    token = tmp_path / "token"
    token.write_text(ADMIN)
    configuration = tmp_path / "kubeconfig"
    configuration.write_text(yaml.safe_dump({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "clusters": [{"name": "test", "cluster": {"server": kube_server.url, "certificate-authority": str(kube_server.certificate)}}],
        "users": [{"name": "test", "user": {"tokenFile": str(token)}}]}))
    # As an upgrade: the service account is there already, from rbac.yaml, and helm installs nothing over what it has not made.
    validated = ("--validate", "--is-upgrade", "--kubeconfig", configuration)
    assert of_kind(rendered(*validated, "--values", site), "DaemonSet")
    broken = tmp_path / "chart"
    shutil.copytree(CHART, broken)
    template = pathlib.Path(broken / "templates/daemonset.yaml")
    template.write_text(template.read_text().replace("hostPID: true", "hostPidd: true"))
    wrong = helm("template", "meshd", broken, "--namespace", "meshd", *validated, check=False)
    assert wrong.returncode != 0 and "hostPidd" in wrong.stderr
