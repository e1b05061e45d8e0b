# SPDX-License-Identifier: Apache-2.0
"""What a write gets when the other end has gone: on the short way as over TCP, but for the differences that
docs/acceleration.md names."""

import errno
import os
import select
import signal
import socket
import struct
import subprocess
import tempfile
import threading

import pytest

from harness.line import Line, receive, talk
from harness.process import wait_until

WRITES = 3
PAYLOAD = b"x" * 100
CLOSED = 7  # TCP_CLOSE of the kernel's tcp_states.h


def tcp_state(sock):
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]


def unread(client, server):
    client.send(b"never read")
    assert select.select([server], [], [], 5)[0]


def reset_on_close(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def kill_owner(server):
    """Leaves the socket to a process of its own, which dies."""
    owner = subprocess.Popen(["sleep", "1000"], pass_fds=[server.fileno()])
    server.close()
    owner.send_signal(signal.SIGKILL)
    owner.wait()


# How a connection ends before its client writes.


def closes_with_unread(client, server):
    unread(client, server)
    server.close()


def closes(_, server):
    server.close()


def dies_with_unread(client, server):
    unread(client, server)
    kill_owner(server)


def dies(_, server):
    kill_owner(server)


def resets(_, server):
    reset_on_close(server)
    server.close()


def resets_with_unread(client, server):
    unread(client, server)
    resets(client, server)


def is_shut_by_me(client, _):
    client.shutdown(socket.SHUT_WR)


def is_shut_by_both(client, server):
    client.shutdown(socket.SHUT_WR)
    server.shutdown(socket.SHUT_WR)


def half_closes(_, server):
    server.shutdown(socket.SHUT_WR)


ENDINGS = [closes_with_unread, closes, dies_with_unread, dies, resets, resets_with_unread, is_shut_by_me, is_shut_by_both, half_closes]

# TCP sends RST at once when bytes are unread; of those of the short way it does not know, and sends FIN. And an error stays in an
# enrolled socket until SO_ERROR is asked for, where a write over TCP takes it.
LATE, KEPT = [len(PAYLOAD), "EPIPE", "EPIPE", "EPIPE"], ["ECONNRESET", "ECONNRESET", "ECONNRESET", "EPIPE"]
ON_THE_SHORT_WAY = {closes_with_unread: LATE, dies_with_unread: LATE, resets: KEPT, resets_with_unread: KEPT}
RESET = ["ECONNRESET", "EPIPE", "EPIPE", "EPIPE"]


def sendfile(sock):
    with tempfile.TemporaryFile() as file:
        file.write(PAYLOAD)
        file.flush()
        return os.sendfile(sock.fileno(), file.fileno(), 0, len(PAYLOAD))


CALLS = {
    "send": lambda sock: sock.send(PAYLOAD),
    "sendmsg": lambda sock: sock.sendmsg([PAYLOAD[:50], PAYLOAD[50:]]),
    "write": lambda sock: os.write(sock.fileno(), PAYLOAD),
    "sendfile": sendfile,
}


def outcome(call, sock):
    try:
        return call(sock)
    except OSError as error:
        return errno.errorcode[error.errno]


def writes(connection, ending, call, blocking):
    """What each of some writes gets, each after the answer to the one before it has come, and what one gets after SO_ERROR."""
    with connection as (client, server):
        talk(client, server)
        client.settimeout(5)
        client.setblocking(blocking)
        before = tcp_state(client)
        ending(client, server)
        wait_until(lambda: tcp_state(client) != before, "the end of the connection to be seen")
        seen = []
        for _ in range(WRITES):
            seen.append(outcome(call, client))
            if server.fileno() == -1:  # it has closed
                wait_until(lambda: tcp_state(client) == CLOSED, "the reset that answers a write")
        client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        seen.append(outcome(call, client))
        if ending is half_closes:
            assert receive(server, len(seen) * len(PAYLOAD)) == PAYLOAD * len(seen)
        return seen


@pytest.mark.parametrize("blocking", [True, False], ids=["blocking", "non-blocking"])
@pytest.mark.parametrize("name", CALLS)
def test_writes_to_a_peer_that_has_gone_get_what_they_get_over_tcp(world, name, blocking):
    line = Line(world)
    outcomes = {ending.__name__: {way: writes(line.connection(direct=way == "tcp"), ending, CALLS[name], blocking)
                                  for way in ("tcp", "short")} for ending in ENDINGS}
    print("\n".join(f"{ending}: {seen}" for ending, seen in outcomes.items()))
    for ending in ENDINGS:
        seen = outcomes[ending.__name__]
        if ending in ON_THE_SHORT_WAY:
            assert seen == {"tcp": RESET, "short": ON_THE_SHORT_WAY[ending]}, ending.__name__
        else:
            assert seen["short"] == seen["tcp"], ending.__name__
    assert line.top()["opened"] == len(ENDINGS)
    assert line.why("")["no_service"] == len(ENDINGS)


@pytest.mark.parametrize("ending", [closes, dies, resets])
def test_a_write_that_waits_for_room_ends_when_the_peer_goes(world, ending):
    """It answers with what it could send. The next one meets the reset, or on the short way EPIPE, for the one before took the error.
    Bytes of TCP are unread by then, so that a peer that closes sends RST on either way."""
    line = Line(world)
    seen = {}
    for way in ("tcp", "short"):
        with line.connection(direct=way == "tcp") as (client, server):
            talk(client, server)
            client.settimeout(None)
            later = threading.Timer(0.2, ending, (client, server))
            later.start()
            with pytest.raises(OSError) as caught:
                client.sendall(bytes(64 << 20))
            later.join()
            seen[way] = errno.errorcode[caught.value.errno]
    assert seen == {"tcp": "ECONNRESET", "short": "EPIPE"}
    assert line.top()["opened"] == 1
