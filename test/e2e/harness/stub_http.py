# SPDX-License-Identifier: Apache-2.0
"""An HTTP server in this process that answers by path, also with less than it announces."""

import http.server
import threading


class StubHttp:
    """`answers`: path without its query -> text, or text and the length that is announced."""

    def __init__(self):
        self.answers = {}
        self.headers = {}
        self.stopped = threading.Event()
        stub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):  # pylint: disable=invalid-name
                stub.answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def answer(self, request):
        """A query that waits is not answered before the end."""
        path, _, query = request.path.partition("?")
        if "index=" in query:
            self.stopped.wait(20)
        text = self.answers.get(path)
        body, length = text if isinstance(text, tuple) else (text or "no such page", len(text or "no such page"))
        request.send_response(200 if text else 404)
        for name, value in self.headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(length))
        request.end_headers()
        request.wfile.write(body.encode())
        request.close_connection = length != len(body)

    def close(self):
        self.stopped.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
