# SPDX-License-Identifier: Apache-2.0
"""The control socket, spoken to with Python's own HTTP client."""

import http.client
import json
import socket
import urllib.parse

from harness.process import patient


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=patient(timeout))
        self._path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class ApiError(AssertionError):
    def __init__(self, status, body):
        super().__init__(f"HTTP {status}: {body}")
        self.status = status
        self.body = body


class Api:
    def __init__(self, path):
        self.path = path

    def request(self, method, target, body=None, timeout=10, **query):
        if query:
            target += "?" + urllib.parse.urlencode(query)
        connection = _UnixConnection(self.path, timeout)
        try:
            headers = {} if body is None else {"Content-Type": "application/json"}
            connection.request(method, target, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        value = json.loads(text)
        if answer.status >= 400:
            raise ApiError(answer.status, value)
        return value

    def get(self, target, **query):
        return self.request("GET", target, **query)

    def post(self, target, body=None):
        return self.request("POST", target, body)
