# SPDX-License-Identifier: Apache-2.0
"""A real API server of Kubernetes over a real etcd. Built by scripts/build-kube-apiserver.sh; where it is not, tests run on what it once
said (harness.kube_recorded)."""

import json
import os
import pathlib
import shutil
import signal
import ssl
import tempfile
import urllib.error
import urllib.request

import yaml

from harness.agent import free_port
from harness.etcd import Etcd
from harness.kube_objects import NAMESPACE, PATHS, SLICES_OF_VERSION_ONE
from harness.kube_recording import Recording, record_refusals
from harness.process import NAME, Process, run, wait_until

BINARY = pathlib.Path(os.environ.get("MESHD_CACHE", "/var/cache/meshd")) / "kube-apiserver"
RBAC = pathlib.Path(__file__).resolve().parents[3] / "deploy/kubernetes/rbac.yaml"
GROUPS = {"Namespace": "/api/v1/namespaces", "ServiceAccount": "/api/v1/namespaces/meshd/serviceaccounts",
          "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
          "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"}
ADMIN = "admin-of-the-test"
RECORDS = bool(os.environ.get("MESHD_RECORD_KUBERNETES"))
REAL = BINARY.exists() and shutil.which("etcd") is not None


class KubeApi:
    """`version` is that of EndpointSlices. One server does for many tests: begin() and end() frame each."""

    records = RECORDS

    def __init__(self, version="v1"):
        self.version = version
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"{NAME}-kube-"))
        self.directory.chmod(0o755)
        self.etcd = self.process = self.recording = None
        self.made = []
        self.has_rights = True
        try:
            self.etcd = Etcd(self.directory / "etcd")
            self.port = free_port()
            self.url = f"https://127.0.0.1:{self.port}"
            self.certificate = self.directory / "certs/apiserver.crt"
            self._write_files()
            self.start()
            self._set_up()
        except BaseException:
            self.close()
            raise

    def _write_files(self):
        (self.directory / "tokens").write_text(f"{ADMIN},admin,1,system:masters\nstranger,stranger,2\n")
        run("openssl", "genrsa", "-out", self.directory / "account.key", "2048")
        disabled = ["--runtime-config=discovery.k8s.io/v1beta1=false"] if self.version == "v1" else []
        self.command = [BINARY, "--etcd-servers", self.etcd.url, "--secure-port", self.port, "--bind-address", "127.0.0.1",
                        "--cert-dir", self.directory / "certs", "--token-auth-file", self.directory / "tokens",
                        "--authorization-mode=RBAC", "--service-cluster-ip-range=10.96.0.0/16", "--endpoint-reconciler-type=none",
                        "--disable-admission-plugins=ServiceAccount", "--service-account-issuer", "https://kubernetes.default.svc",
                        "--service-account-signing-key-file", self.directory / "account.key",
                        "--service-account-key-file", self.directory / "account.key", *disabled]

    def start(self):
        self.process = Process(self.command, self.directory / "log")
        wait_until(self._ready, lambda: f"the API server:\n{self.process.output()[-3000:]}", timeout=60, interval=0.2)
        if self.recording:
            self.recording.follow()

    def _ready(self):
        assert self.process.running(), self.process.output()[-3000:]
        try:
            return self.call("GET", "/readyz") is not None
        except OSError:
            return None

    def _set_up(self):
        # The rights of the manifest are those that are tested.
        for item in yaml.safe_load_all(RBAC.read_text()):
            self.call("POST", GROUPS[item["kind"]], item)
        self.binding = item
        self.call("POST", GROUPS["Namespace"], {"metadata": {"name": NAMESPACE}})
        if self.version == "v1":
            self.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", SLICES_OF_VERSION_ONE)
        wait_until(lambda: self._exists(self.path("endpointslices")), "EndpointSlices to be served", timeout=30)
        if RECORDS and self.version == "v1":
            self.restart()  # so that it knows nothing of what was before
            record_refusals(self)

    def _exists(self, path):
        try:
            return self.call("GET", path)
        except urllib.error.HTTPError:
            return None

    def kill(self):
        # Asked to end, it would wait a minute for those who watch.
        self.process.stop(signal.SIGKILL)

    def restart(self):
        self.kill()
        self.start()

    # ---- Access ----

    def token(self):
        """A new one of the service account, as the kubelet gets it for a pod."""
        return self.call("POST", GROUPS["ServiceAccount"] + "/meshd/token", {"spec": {"expirationSeconds": 600}})["status"]["token"]

    def authority(self):
        return self.certificate.read_text()

    def take_rights(self):
        self.call("DELETE", f"{GROUPS['ClusterRoleBinding']}/meshd")
        self.has_rights = False

    def give_rights(self):
        self.call("POST", GROUPS["ClusterRoleBinding"], self.binding)
        self.has_rights = True

    def call(self, method, path, body=None, kind="application/json", timeout=10):
        headers = {"Authorization": f"Bearer {ADMIN}", "Content-Type": kind}
        request = urllib.request.Request(self.url + path, None if body is None else json.dumps(body).encode(), headers, method=method)
        with self.open(request, timeout) as answer:
            text = answer.read().decode()
            return json.loads(text) if text.startswith("{") else text

    def open(self, request, timeout=10):
        context = ssl.create_default_context()
        if self.certificate.exists():
            context.load_verify_locations(self.certificate)
        handlers = (urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
        return urllib.request.build_opener(*handlers).open(request, timeout=timeout)

    # ---- Objects ----

    def path(self, kind, name=""):
        return PATHS[kind].format(namespace=NAMESPACE, version=self.version) + (f"/{name}" if name else "")

    def put(self, kind, item):
        """Makes or replaces it, with its status."""
        name = item["metadata"]["name"]
        before = self._exists(self.path(kind, name))
        if before:
            metadata = item["metadata"] | {"resourceVersion": before["metadata"]["resourceVersion"]}
            done = self.call("PUT", self.path(kind, name), item | {"metadata": metadata})
        else:
            done = self.call("POST", self.path(kind), item)
            self.made.append((kind, name))
        if "status" in item and kind == "services":
            done = self.call("PATCH", self.path(kind, name) + "/status", {"status": item["status"]}, "application/merge-patch+json")
        if self.recording:
            self.recording.step(kind, done["metadata"]["resourceVersion"])

    def delete(self, kind, name):
        # No kubelet is here to say that a pod has ended.
        self.call("DELETE", self.path(kind, name) + ("?gracePeriodSeconds=0" if kind == "pods" else ""))
        self.made.remove((kind, name))
        if self.recording:
            self.recording.step(kind, None)

    # ---- One test ----

    def begin(self, name, words):
        """`words` stand for addresses of this run in what is recorded."""
        if RECORDS:
            self.recording = Recording(self, name, words)

    def expire(self, kind):
        """Only while it is recorded what comes before and after: see harness.kube_recorded."""
        assert RECORDS, kind

    def end_watches(self):
        assert RECORDS

    def end(self):
        if self.recording:
            self.recording.save()
        self.recording = None
        if not self.process.running():
            self.start()
        if not self.has_rights:
            self.give_rights()
        for kind, name in list(self.made):
            self.delete(kind, name)

    def close(self):
        for one in (self.process, self.etcd):
            if one is not None:
                one.close() if one is self.etcd else one.stop(signal.SIGKILL)
        shutil.rmtree(self.directory, ignore_errors=True)
