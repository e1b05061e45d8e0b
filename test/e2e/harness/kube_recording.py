# SPDX-License-Identifier: Apache-2.0
"""What a real API server says while a test runs, written down for harness.kube_recorded."""

import json
import pathlib
import threading
import urllib.error
import urllib.request

from harness.process import wait_until

DIRECTORY = pathlib.Path(__file__).resolve().parents[1] / "data/kubernetes"
METADATA = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1"


def record_refusals(api):
    """What it says to a token that it does not know, to one without rights, and to a watch from a version that it has forgotten."""
    from harness.kubernetes import ADMIN

    def ask(path, token):
        request = urllib.request.Request(api.url + path, headers={"Authorization": f"Bearer {token}"})
        try:
            with api.open(request) as answer:
                return answer.readline().decode()
        except urllib.error.HTTPError as error:
            return error.read().decode()
    paths = {"services": "/api/v1/services", "nodes": "/api/v1/nodes", "endpointslices": "/apis/discovery.k8s.io/v1/endpointslices"}
    said = {"401": ask(paths["services"], "nobody"), "403": {kind: ask(path, "stranger") for kind, path in paths.items()},
            "expired": ask(paths["services"] + "?watch=true&resourceVersion=1", ADMIN)}
    assert '"code":410' in said["expired"], said
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    (DIRECTORY / "refusals.json").write_text(json.dumps(said, indent=1) + "\n")


class Recording:
    """Lists at the beginning, then for each step of the test the lines of all watches. Whole lines, as the server wrote them."""

    def __init__(self, api, name, words):
        self.api, self.name, self.words = api, name, words
        self.steps = []
        self.lines = {kind: [] for kind in self._paths()}
        self.lists = self.follow()

    def _paths(self):
        return {"services": "/api/v1/services", "endpointslices": f"/apis/discovery.k8s.io/{self.api.version}/endpointslices",
                "nodes": "/api/v1/nodes", "metadata": "/api/v1/nodes"}

    def follow(self):
        """Lists and watches from there, also again after the server was restarted."""
        lists = {}
        for kind, path in self._paths().items():
            with self._open(path, kind, "List") as answer:
                lists[kind] = answer.read().decode()
            version = json.loads(lists[kind])["metadata"]["resourceVersion"]
            stream = self._open(f"{path}?watch=true&resourceVersion={version}", kind, "", timeout=600)
            threading.Thread(target=self._follow, args=(stream, self.lines[kind]), daemon=True).start()
        return lists

    def _open(self, path, kind, suffix, timeout=10):
        from harness.kubernetes import ADMIN
        accept = METADATA.format(suffix) if kind == "metadata" else "application/json"
        request = urllib.request.Request(self.api.url + path, headers={"Authorization": f"Bearer {ADMIN}", "Accept": accept})
        return self.api.open(request, timeout)

    @staticmethod
    def _follow(stream, lines):
        try:
            for line in stream:
                lines.append(line.decode())
        except OSError:
            pass  # the server was ended by the test

    def step(self, kind, version):
        """The object has this version now; None: it is gone."""
        done = [line for lines in self.steps for of, line in lines if of == kind]

        def is_there():
            new = self.lines[kind][len(done):]
            return any(json.loads(line)["type"] == "DELETED" if version is None else
                       json.loads(line)["object"]["metadata"]["resourceVersion"] == version for line in new)
        wait_until(is_there, f"the watch of {kind} to tell version {version}")
        if kind == "nodes":
            wait_until(lambda: len(self.lines["metadata"]) >= len(self.lines["nodes"]), "the watch of metadata")
        taken = {of: sum(1 for lines in self.steps for one, _ in lines if one == of) for of in self.lines}
        self.steps.append([(of, line) for of, lines in self.lines.items() for line in lines[taken[of]:]])

    def save(self):
        text = json.dumps({"version": self.api.version, "lists": self.lists, "steps": self.steps}, indent=1)
        for word, value in self.words.items():
            text = text.replace(f'\\"{value}\\"', f'\\"@{word}@\\"')
        DIRECTORY.mkdir(parents=True, exist_ok=True)
        (DIRECTORY / f"{self.name}.json").write_text(text + "\n")
