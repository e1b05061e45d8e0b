# SPDX-License-Identifier: Apache-2.0
"""Real servers to balance to, each answering with its own name."""

import pathlib
import shutil
import socket

from harness.agent import free_port
from harness.process import Process, wait_until

# Its workers keep root's rights: the harness' agents have a worker that is `nobody`, as nginx's are by default, and leave that
# user out.
NGINX = """
daemon off;
user root root;
worker_processes {workers};
error_log stderr warn;
pid {directory}/pid;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
    keepalive_requests 1000000000;
    keepalive_timeout 3600s;
    open_file_cache max=100;
    sendfile {sendfile};
{blocks}
}}
"""

NGINX_NAME = """
    server {{
        listen {address}:{port};
        listen [{address6}]:{port};
        location / {{ return 200 "{name}\\n"; }}
        location /peer {{ return 200 "$remote_addr\\n"; }}
    }}
"""

HAPROXY = """
global
    maxconn 4096
    nbthread 1
defaults
    mode {mode}
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    {option}
listen front
    bind {address}:{port}
    balance {balance}
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
        try:
            wait_until(self._listens, lambda: f"{command[0]} to listen:\n{self.process.output()}", timeout=30)
        except BaseException:
            self.process.stop()  # nobody has it yet who would
            raise
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
    """`blocks(self)` is what it does: blocks of its http block."""

    def __init__(self, directory, blocks, sendfile=True, workers=1, **keys):
        super().__init__(directory, **keys)
        configuration = self.directory / "nginx.conf"
        configuration.write_text(NGINX.format(directory=self.directory, workers=workers, sendfile="on" if sendfile else "off",
                                              blocks=blocks(self)))
        self.start("nginx", "-e", "stderr", "-c", configuration)


class NamedNginx(Nginx):
    """Answers with its name, and /peer with the address of its client."""

    def __init__(self, directory, name, **keys):
        super().__init__(directory, lambda server: NGINX_NAME.format(address=server.address, address6=server.address6,
                                                                     port=server.port, name=name), **keys)


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
    """Passes on to `targets` (ADDRESS:PORT), in turn unless `balance` says otherwise, in TCP or HTTP mode, with splice() or without."""

    def __init__(self, directory, *targets, mode="tcp", splice=False, balance="roundrobin", **keys):
        super().__init__(directory, **keys)
        configuration = self.directory / "haproxy.cfg"
        configuration.write_text(HAPROXY.format(
            address=self.address, port=self.port, mode=mode, balance=balance, option="option splice-auto" if splice else "",
            servers="\n".join(f"    server s{number} {target}" for number, target in enumerate(targets))))
        self.start("haproxy", "-db", "-f", configuration)
