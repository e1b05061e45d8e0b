# SPDX-License-Identifier: Apache-2.0
"""Sends a name to each connection and closes it, or resets it at once: in a process of its own, which a test can kill.

    name_server.py ADDRESS PORT NAME [reset]"""

import contextlib
import socket
import struct
import sys

address, port, name = sys.argv[1:4]
resets = sys.argv[4:] == ["reset"]
family = socket.AF_INET6 if ":" in address else socket.AF_INET
with socket.create_server((address, int(port)), family=family, backlog=1024) as listener:
    while True:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            if resets:  # SO_LINGER of zero: close() sends RST
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                connection.sendall(f"{name}\n".encode())
