# SPDX-License-Identifier: Apache-2.0
"""Real programs with real work: file servers, proxies before them and databases, as their packages bring them."""

import os
import pathlib
import pwd
import random
import signal

from harness.process import run, wait_until
from harness.servers import Nginx, Server

NGINX_FILES = """
    server {{
        listen {address}:{port};
        root {root};
        location = /tiny {{ return 200 "12345678901\\n"; }}
    }}
"""

# Bytes go through memory only: a temporary file would hide how fast they came.
NGINX_PROXY = """
    upstream target{port} {{ server {target}; keepalive 64; }}
    server {{
        listen {address}:{port};
        location / {{
            proxy_pass http://target{port};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering {buffering};
            proxy_max_temp_file_size 0;
        }}
    }}
"""

def random_files(directory, sizes, seed):
    """Files of random content that everybody may read: name -> path."""
    draw = random.Random(seed)
    directory = pathlib.Path(directory)
    directory.mkdir()
    directory.chmod(0o755)
    for number, size in enumerate(sizes):
        path = directory / f"file{number}"
        path.write_bytes(draw.randbytes(size))
        path.chmod(0o644)
    return {path.name: path for path in sorted(directory.iterdir())}


class NginxFiles(Nginx):
    """Serves a directory, and 12 bytes as /tiny."""

    def __init__(self, directory, root, **keys):
        super().__init__(directory, lambda server: NGINX_FILES.format(address=server.address, port=server.port, root=root),
                         **keys)


class NginxProxy(Nginx):
    """Passes on what `target` (ADDRESS:PORT) answers."""

    def __init__(self, directory, target, buffering=True, **keys):
        super().__init__(directory, lambda server: NGINX_PROXY.format(address=server.address, port=server.port, target=target,
                                                                      buffering="on" if buffering else "off"), **keys)


class Redis(Server):
    """Keeps everything in memory."""

    def __init__(self, directory, **keys):
        super().__init__(directory, **keys)
        self.start("redis-server", "--bind", self.address, "--port", self.port, "--dir", self.directory, "--save", "",
                   "--daemonize", "no", "--protected-mode", "no")


class Postgres(Server):
    """A cluster of its own, run by the packages' user since it refuses root's."""

    USER = "postgres"

    def __init__(self, directory, enter=None, **keys):
        super().__init__(directory, **keys)
        self.programs = newest_postgres()
        data = self.directory / "data"
        run(self.programs / "initdb", "--pgdata", data, "--auth", "trust", "--no-sync", "--encoding", "UTF8", "--locale", "C",
            preexec_fn=self._become(None), cwd="/")
        self.enter = self._become(enter)
        self.start(self.programs / "postgres", "-D", data, "-k", self.directory, "-p", self.port, "-c",
                   f"listen_addresses={self.address}", "-c", "fsync=off", "-c", "shared_buffers=64MB")
        # It listens before it serves.
        wait_until(lambda: run(self.programs / "pg_isready", "--host", self.address, "--port", self.port, check=False,
                               preexec_fn=self.enter, cwd="/").returncode == 0, self.process.output, timeout=30)

    def _become(self, enter):
        user = pwd.getpwnam(self.USER)

        def become():
            if enter is not None:
                enter()  # only root may
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
        return become

    def close(self):
        self.process.stop(signal.SIGINT)  # on SIGTERM it waits for its clients
        super().close()


def newest_postgres():
    """Debian keeps the server's programs out of the path, each major version in a directory of its own."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    assert found, "no /usr/lib/postgresql/*/bin/postgres: scripts/install-dependencies.sh test"
    return found[-1].parent


class AsyncioEcho(Server):
    """harness/asyncio_echo.py in a process of its own."""

    def __init__(self, directory, **keys):
        super().__init__(directory, **keys)
        self.start("/usr/bin/python3", "-B", pathlib.Path(__file__).with_name("asyncio_echo.py"), self.address, self.port)
