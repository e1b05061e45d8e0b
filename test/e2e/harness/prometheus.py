# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus that scrapes one agent every second."""

import json
import urllib.parse
import urllib.request

from harness.agent import free_port
from harness.process import Process, wait_until


class Prometheus:
    def __init__(self, directory, target):
        directory.mkdir()
        configuration = directory / "prometheus.yml"
        configuration.write_text(json.dumps({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": [{"job_name": "meshd", "static_configs": [{"targets": [target]}]}]}))
        self.url = f"http://127.0.0.1:{free_port()}"
        self.process = Process(["prometheus", f"--config.file={configuration}", f"--storage.tsdb.path={directory / 'data'}",
                                f"--web.listen-address={self.url.removeprefix('http://')}"], directory / "log")
        wait_until(self.ready, lambda: f"Prometheus:\n{self.process.output()}", timeout=30)

    def ready(self):
        assert self.process.running(), self.process.output()
        try:
            with self.open("/-/ready") as answer:
                return answer.status == 200
        except OSError:
            return False

    def open(self, target):
        # Whatever proxy the environment names.
        return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(self.url + target, timeout=10)

    def query(self, expression):
        """The samples; an error of Prometheus is one of the test, with its text."""
        try:
            with self.open("/api/v1/query?" + urllib.parse.urlencode({"query": expression})) as answer:
                value = json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{expression}: {error.read().decode()}") from error
        assert value["status"] == "success" and not value.get("warnings"), value
        return value["data"]["result"]

    def close(self):
        self.process.stop()
