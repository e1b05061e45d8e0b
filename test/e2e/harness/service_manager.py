# SPDX-License-Identifier: Apache-2.0
"""What systemd does for a service with FileDescriptorStoreMax: takes descriptors by sd_notify(3), and gives them to the next process of
the service by sd_listen_fds(3)."""

import contextlib
import os
import socket
import threading

from harness.process import Process

FIRST = 3  # SD_LISTEN_FDS_START


class ServiceManager:
    def __init__(self, path):
        self.path = str(path)
        self.store = []  # (name, descriptor)
        self.states = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        os.chmod(self.path, 0o666)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self):
        while True:
            try:
                text, descriptors, _, _ = socket.recv_fds(self._socket, 4096, 253)
            except OSError:
                return
            if not text:
                return
            state = dict(line.split("=", 1) for line in text.decode().splitlines())
            self.states.append(state)
            name = state.get("FDNAME", "stored")
            if "FDSTOREREMOVE" in state:
                for one in [one for one in self.store if one[0] == name]:
                    self.store.remove(one)
                    os.close(one[1])
            if "FDSTORE" in state:
                self.store += [(name, descriptor) for descriptor in descriptors]
            else:
                for descriptor in descriptors:
                    os.close(descriptor)

    def names(self):
        return sorted({name for name, _ in self.store})

    def environment(self):
        return {"NOTIFY_SOCKET": self.path} | ({"LISTEN_FDS": str(len(self.store)), "LISTEN_FDNAMES": ":".join(name for name, _ in self.store)}
                                               if self.store else {})

    def enter(self, enter):
        """For the process that is to be: with the store where sd_listen_fds(3) looks for it."""
        high = [os.dup(descriptor) for _, descriptor in self.store]
        for at, descriptor in enumerate(high):
            os.dup2(descriptor, FIRST + at)
            os.set_inheritable(FIRST + at, True)
        enter()

    def close(self):
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for _, descriptor in self.store:
            os.close(descriptor)
        self.store = []


def supervise(host):
    """The host's agents are from now on services of a manager of its own."""
    manager = host.keep(ServiceManager(host.place.root / "notify"))
    agent = host.agent

    def launch():
        # LISTEN_PID is the process id of the service, which nobody knows before it is there.
        command = ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", agent.binaries / "meshd", *agent.options]
        agent.process = Process(command, agent.log, lambda: manager.enter(host.enter), env=agent.environment | manager.environment(),
                                close_fds=False)
        return agent

    agent.launch = launch
    return manager
