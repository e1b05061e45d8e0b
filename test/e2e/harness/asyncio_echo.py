# SPDX-License-Identifier: Apache-2.0
"""A server on Python's asyncio streams: asyncio_echo.py ADDRESS PORT. Gets frames (four bytes of length, big endian, then as many
bytes) and sends each back turned around."""

import asyncio
import contextlib
import sys


async def serve(reader, writer):
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            head = await reader.readexactly(4)
            payload = await reader.readexactly(int.from_bytes(head, "big"))
            writer.write(head + payload[::-1])
            await writer.drain()
    writer.close()


async def main():
    server = await asyncio.start_server(serve, sys.argv[1], int(sys.argv[2]), backlog=1024)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
