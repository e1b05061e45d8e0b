# SPDX-License-Identifier: Apache-2.0
"""A server of grpc.health.v1.Health on gRPC's own library: grpc_health.py ADDRESS:PORT SERVICE=STATUS... With CERTIFICATE and KEY in the
environment, over TLS. The messages are two bytes each, so no code is generated for them."""

import os
import pathlib
import sys
from concurrent import futures

import grpc

statuses = {name: int(number) for name, number in (word.split("=") for word in sys.argv[2:])}


def check(message, context):
    # HealthCheckRequest: field 1, a string. HealthCheckResponse: field 1, an enumeration.
    service = message[2:].decode() if message else ""
    if service not in statuses:
        context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
    return b"\x08" + bytes([statuses[service]])


server = grpc.server(futures.ThreadPoolExecutor(4))
if statuses:
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(
        "grpc.health.v1.Health", {"Check": grpc.unary_unary_rpc_method_handler(check)}),))
if "KEY" in os.environ:
    pair = tuple(pathlib.Path(os.environ[name]).read_bytes() for name in ("KEY", "CERTIFICATE"))
    server.add_secure_port(sys.argv[1], grpc.ssl_server_credentials([pair]))
else:
    server.add_insecure_port(sys.argv[1])
server.start()
server.wait_for_termination()
