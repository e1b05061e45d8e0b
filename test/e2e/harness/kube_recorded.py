# SPDX-License-Identifier: Apache-2.0
"""Says what a real API server said (harness.kube_recording) when the same test ran on it: each change that the test makes lets out the
lines that the real one answered it with. Speaks plain HTTP/1.1."""

import http.server
import json
import threading
import urllib.parse

from harness.kube_recording import DIRECTORY

TOKEN = "recorded"
REFUSALS = DIRECTORY / "refusals.json"


def key_of(item):
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


class KubeRecorded:
    """Has the methods of harness.kubernetes.KubeApi that tests use."""

    records = False

    def __init__(self, version="v1"):
        self.version = version
        self.amended = {}
        self.changed = threading.Condition()
        self.refusals = json.loads(REFUSALS.read_text())
        self.server, self.connections = None, set()
        self.has_rights = True
        self.steps, self.lists, self.objects, self.lines, self.newest = [], {}, {}, {}, 0
        self.errors = {}  # the next line of a watch, by kind
        self.port = 0
        self.start()

    def start(self):
        self.server = Server(("127.0.0.1", self.port), Handler)
        self.server.api = self
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def kill(self):
        self.server.shutdown()
        self.server.server_close()
        self.server = None
        with self.changed:
            for connection in list(self.connections):
                connection.close_now()
            self.changed.notify_all()

    def restart(self):
        self.kill()
        self.start()

    def token(self):
        return TOKEN

    def authority(self):
        return None

    def take_rights(self):
        self.has_rights = False

    def give_rights(self):
        self.has_rights = True

    # ---- Steps ----

    def begin(self, name, words):
        text = (DIRECTORY / f"{name}.json").read_text()
        for word, value in words.items():
            text = text.replace(f'\\"@{word}@\\"', f'\\"{value}\\"')
        recorded = json.loads(text)
        self.version = recorded["version"]
        with self.changed:
            self.has_rights = True
            self.lists = {kind: json.loads(body) for kind, body in recorded["lists"].items()}
            self.objects = {kind: {key_of(item): item for item in body["items"] or []} for kind, body in self.lists.items()}
            self.lines = {kind: [] for kind in self.lists}
            self.newest = max(int(body["metadata"]["resourceVersion"]) for body in self.lists.values())
            self.steps = recorded["steps"]

    def amend(self, kind, name, spec):
        """Fields that a newer server would have said of the object."""
        self.amended[kind, name] = spec

    def put(self, kind, item):
        self._advance(kind, item["metadata"]["name"])

    def delete(self, kind, name):
        self._advance(kind, name)

    def _advance(self, kind, name):
        step = self.steps.pop(0)
        with self.changed:
            events = [(of, json.loads(line), line) for of, line in step]
            assert any(of == kind and event["object"]["metadata"]["name"] == name for of, event, _ in events), \
                f"recorded was another step than {kind} {name}: record anew"
            for of, event, line in events:
                item = event["object"]
                if (of, item["metadata"]["name"]) in self.amended:
                    item["spec"] |= self.amended[of, item["metadata"]["name"]]
                    line = json.dumps(event) + "\n"
                version = int(item["metadata"]["resourceVersion"])
                self.newest = max(self.newest, version)
                self.lines[of].append((version, item["metadata"]["name"], line))
                self.objects[of].pop(key_of(item), None)
                if event["type"] != "DELETED":
                    self.objects[of][key_of(item)] = item
            self.changed.notify_all()

    def expire(self, kind):
        """Whoever watches is told that its version is too old, as a real server does after a compaction; changes from before that are
        in no watch any more."""
        with self.changed:
            self.lines[kind].clear()
            self.errors[kind] = self.refusals["expired"]
            self.changed.notify_all()

    def end_watches(self):
        """As the server does after timeoutSeconds."""
        with self.changed:
            for connection in self.connections:
                connection.is_ended = True
            self.changed.notify_all()

    def end(self):
        if self.server is None:
            self.start()

    def close(self):
        if self.server is not None:
            self.kill()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.is_ended = self.is_closed = False
        self.api = self.server.api
        self.api.connections.add(self)

    def finish(self):
        self.api.connections.discard(self)
        try:
            super().finish()
        except OSError:
            pass

    def close_now(self):
        self.is_closed = True
        try:
            self.connection.shutdown(2)
        except OSError:
            pass

    def log_message(self, *_):
        pass

    def do_GET(self):
        url = urllib.parse.urlparse(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        kind = url.path.rsplit("/", 1)[1]
        api = self.api
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._answer(401, api.refusals["401"])
        if not api.has_rights:
            return self._answer(403, api.refusals["403"].get(kind, api.refusals["403"]["nodes"]))
        if kind == "meshconfigurations":  # it has no such resource
            return self._answer(404, "404 page not found\n")
        if kind == "endpointslices" and f"/{api.version}/" not in url.path:
            return self._answer(404, "404 page not found\n")
        if kind == "nodes" and "fieldSelector" not in query:
            kind = "metadata"
        try:
            self._watch(kind, query) if "watch" in query else self._list(kind, query)
        except OSError:
            self.close_connection = True

    def _mine(self, name, query):
        return query.get("fieldSelector", f"metadata.name={name}") == f"metadata.name={name}"

    def _list(self, kind, query):
        with self.api.changed:
            items = [item for (_, name), item in self.api.objects[kind].items() if self._mine(name, query)]
            body = self.api.lists[kind] | {"items": items or None}  # what a real one says for none
            body["metadata"] = body["metadata"] | {"resourceVersion": str(self.api.newest)}
        self._answer(200, json.dumps(body))

    def _answer(self, status, text):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def _watch(self, kind, query):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.is_ended = False
        version = int(query["resourceVersion"])
        while True:
            with self.api.changed:
                new = [(number, line) for number, name, line in self.api.lines[kind] if number > version and self._mine(name, query)]
                error = None if new else self.api.errors.pop(kind, None)
                if not new and not error and not self.is_ended and not self.is_closed:
                    self.api.changed.wait(0.2)
                    continue
            for number, line in new:
                version = max(version, number)
                self._chunk(line)
            if error:
                self._chunk(error)
            if self.is_closed:
                raise OSError("ended")
            if self.is_ended or error:
                self.wfile.write(b"0\r\n\r\n")
                return

    def _chunk(self, text):
        data = text.encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()
