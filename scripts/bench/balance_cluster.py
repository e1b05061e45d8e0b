# SPDX-License-Identifier: Apache-2.0
"""A cluster of small backends in one process, each at an address of its own, and a client that asks at given moments.

As a program: `serve ADDRESS...` or `ask TARGET SECONDS RATE SEED`, which prints one JSON object."""

import asyncio
import json
import random
import socket
import struct
import sys
import time

PORT = 8000
SERVICE_S, SLOW_FACTOR, FAILING = 0.004, 10, 0.2
TIMEOUT_S = 5


class Backend:
    """Answers one request after the other, each after SERVICE_S."""

    def __init__(self, seconds, failing, seed):
        self.seconds, self.failing = seconds, failing
        self.random = random.Random(seed)
        self.turn = asyncio.Lock()

    async def serve(self, reader, writer):
        try:
            if self.random.random() < self.failing:
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif await reader.read(100):
                async with self.turn:
                    await asyncio.sleep(self.seconds)
                writer.write(b"answer\n")
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


async def serve(addresses):
    """The first is slow, the second fails."""
    for number, address in enumerate(addresses):
        backend = Backend(SERVICE_S * (SLOW_FACTOR if number == 0 else 1), FAILING if number == 1 else 0, number)
        await asyncio.start_server(backend.serve, address, PORT, backlog=1024)
    print("ready", flush=True)
    await asyncio.Event().wait()


async def ask_once(target, seen):
    start = time.monotonic()
    try:
        async with asyncio.timeout(TIMEOUT_S):
            reader, writer = await asyncio.open_connection(*target)
            writer.write(b"request\n")
            answered = await reader.readline() == b"answer\n"
            writer.close()
    except (OSError, TimeoutError):
        answered = False
    seen.append((time.monotonic() - start) if answered else None)


async def ask(target, seconds, rate, seed):
    """Requests at random moments, whether those before are answered or not, as many clients would send them."""
    chance, seen, tasks = random.Random(seed), [], []
    due = time.monotonic()
    end = due + seconds
    while due < end:
        due += chance.expovariate(rate)
        await asyncio.sleep(max(0, due - time.monotonic()))
        tasks.append(asyncio.create_task(ask_once(target, seen)))
    await asyncio.gather(*tasks)
    times = sorted(one for one in seen if one is not None)
    print(json.dumps({"requests": len(seen), "failed": len(seen) - len(times), "median_ms": times[len(times) // 2] * 1000,
                      "p99_ms": times[int(len(times) * 0.99)] * 1000}))


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(serve(sys.argv[2:]))
    else:
        host, port = sys.argv[2].rsplit(":", 1)
        asyncio.run(ask((host, int(port)), *map(float, sys.argv[3:5]), int(sys.argv[5])))
