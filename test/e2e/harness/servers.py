# SPDX-License-Identifier: Apache-2.0
"""Real servers to balance to, each answering with its own name."""

import pathlib
import shutil
import socket

from harness.agent import free_port
from harness.process import Process, wait_until

NGINX = """
daemon off;
worker_processes 1;
error_log stderr warn;
pid {directory}/pid;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
    keepalive_requests 1000000000;
    keepalive_timeout 3600s;
    server {{
        {listen}
        location / {{ return 200 "{body}\\n"; }}
        location /peer {{ return 200 "$remote_addr\\n"; }}
    }}
}}
"""

HAPROXY = """
global
    maxconn 4096
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen front
    bind {address}:{port}
    {balance}
{servers}
"""


class Server:
    """A process that listens. In a namespace, it listens on the namespace's addresses, else on the given ones (IPv4, IPv6).
    `enter` moves the process before its program starts, by itself into the namespace."""

    def __init__(self, directory, netns=None, port=None, kind=socket.SOCK_STREAM, addresses=("127.0.0.1", "::1"), enter=None):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True)
        self.directory.chmod(0o777)
        self.netns = netns
        self.enter = enter or (netns.enter if netns else None)
        self.kind = kind
        self.address, self.address6 = (netns.address, netns.address6) if netns else addresses
        self.port = port or free_port(kind=kind)
        self.process = None

    def start(self, *command):
        self.process = Process(command, self.directory / "log", self.enter)
        wait_until(self._listens, lambda: f"{command[0]} to listen:\n{self.process.output()}")
        return self

    def _listens(self):
        assert self.process.running(), self.process.output()
        table = "udp" if self.kind == socket.SOCK_DGRAM else "tcp"
        wanted, state = f":{self.port:04X}", "07" if table == "udp" else "0A"
        for name in (table, table + "6"):
            with open(f"/proc/{self.process.pid}/net/{name}", encoding="utf-8") as lines:
                if any(fields[1].endswith(wanted) and fields[3] == state for fields in map(str.split, list(lines)[1:])):
                    return True
        return False

    def close(self):
        if self.process is not None:
            self.process.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


class Nginx(Server):
    def __init__(self, directory, body, netns=None, port=None, **keys):
        super().__init__(directory, netns, port, **keys)
        listen = f"listen {self.address}:{self.port}; listen [{self.address6}]:{self.port};"
        configuration = self.directory / "nginx.conf"
        configuration.write_text(NGINX.format(directory=self.directory, listen=listen, body=body))
        self.start("nginx", "-e", "stderr", "-c", configuration)


class Dnsmasq(Server):
    """Answers TXT queries for `who.test` with its own name."""

    def __init__(self, directory, body, netns=None, port=None):
        super().__init__(directory, netns, port, socket.SOCK_DGRAM)
        self.start("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--bind-interfaces",
                   f"--port={self.port}", f"--listen-address={self.address}", f"--listen-address={self.address6}", "--pid-file",
                   "--user=root", f"--txt-record=who.test,{body}", "--log-facility=-")


class Socat(Server):
    """An echo of whole datagrams or of a stream, with its name before each first answer when `body` is given."""

    def __init__(self, directory, protocol="udp", netns=None, port=None, ipv6=False):
        super().__init__(directory, netns, port, socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM)
        kind = {"udp": "UDP", "tcp": "TCP"}[protocol] + ("6" if ipv6 else "4")
        address = f"[{self.address6}]" if ipv6 else self.address
        self.start("socat", f"{kind}-LISTEN:{self.port},bind={address},fork,reuseaddr", "EXEC:cat")


class Haproxy(Server):
    """HAProxy in TCP mode, passing to `servers`, a list of (address, port)."""

    def __init__(self, directory, servers, netns=None, enter=None, port=None):
        super().__init__(directory, netns, port)
        lines = "\n".join(f"    server s{number} {address}:{port}" for number, (address, port) in enumerate(servers))
        configuration = self.directory / "haproxy.cfg"
        configuration.write_text(HAPROXY.format(address=self.address, port=self.port, servers=lines, balance="balance roundrobin"))
        self.process = Process(["haproxy", "-db", "-f", configuration], self.directory / "log",
                               enter or (netns.enter if netns else None))
        wait_until(self._listens, lambda: f"haproxy to listen:\n{self.process.output()}")
