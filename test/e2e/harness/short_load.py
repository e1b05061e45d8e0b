# SPDX-License-Identifier: Apache-2.0
"""Short connections at a steady rate, each a request of its own: connect, read a line to the end. Says what came of them as JSON.

    short_load.py ADDRESS PORT RATE [COUNT]

Without COUNT it goes on until its input ends. A line "kill PID" on its input kills that process between two requests, and goes on
when it is dead: a request that was under way would be lost with any balancer, and so would one that waits in the queue of a listener
which dies. What is left is what balancing answers for."""

import collections
import json
import os
import select
import signal
import socket
import sys
import time

address, port, rate = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
count = int(sys.argv[4]) if len(sys.argv) > 4 else None
family = socket.AF_INET6 if ":" in address else socket.AF_INET
names, failures = collections.Counter(), []


def request():
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(5)
        client.connect((address, port))
        answer = b""
        while chunk := client.recv(4096):
            answer += chunk
    if not answer.endswith(b"\n"):
        raise OSError(f"connection ended after {answer!r}")
    return answer[:-1].decode()


def kill(pid):
    descriptor = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    select.select([descriptor], [], [], 10)
    os.close(descriptor)


def orders():
    """Lines that have come; None when the input has ended."""
    lines = []
    while select.select([sys.stdin], [], [], 0)[0]:
        line = sys.stdin.readline()
        if not line:
            return None
        lines.append(line.split())
    return lines


print("ready", flush=True)
began = time.monotonic()
done = 0
while count is None or done < count:
    given = orders()
    if given is None and count is None:
        break
    for word, pid in given or []:
        assert word == "kill"
        kill(int(pid))
        print("killed", flush=True)
    late = time.monotonic() - (began + done / rate)
    if late < 0:
        time.sleep(-late)
    try:
        names[request()] += 1
    except OSError as failure:
        failures.append({"number": done, "error": f"{type(failure).__name__}: {failure}"})
    done += 1
print(json.dumps({"requests": done, "seconds": time.monotonic() - began, "names": names, "failures": failures}), flush=True)
