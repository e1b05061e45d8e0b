# SPDX-License-Identifier: Apache-2.0
"""Two hosts side by side, and ways between them: direct, meshd's workers, and pairs of HAProxy and of nginx that do the same with the
same certificates and ciphers, checked on both sides."""

import machine
from harness.mesh import PORT, SERVICE, Mesh
from harness.process import Process, run, wait_until
from harness.programs import NginxFiles, random_files
from harness.registry import backend, service

LARGE = 1 << 20
PLAIN, WEB = 8082, 8080  # asked directly, and behind each pair
SHORT = "10.96.0.22"     # the same service, named for the short way
# The port of a pair's client side, and of its server side.
HAPROXY, NGINX = (9001, 9002), (9003, 9004)
CIPHER = "TLS_AES_128_GCM_SHA256"

HAPROXY_CONF = """
global
    maxconn 8000
    nbthread 2
defaults
    mode tcp
    timeout connect 5s
    timeout client 600s
    timeout server 600s
listen pair
    {bind}
    {server}
"""
NGINX_STREAM = """
daemon off;
user root root;
load_module {module};
worker_processes 2;
error_log stderr warn;
pid {directory}/pid;
events {{ worker_connections 16000; }}
stream {{
    proxy_timeout 600s;
    server {{ {body} }}
}}
"""
STREAM_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so"


class Pairs:
    def __init__(self, note):
        self.mesh = Mesh()
        try:
            self._fill(note)
        except BaseException:
            self.close()
            raise

    def _fill(self, note):
        self.client, self.server = self.mesh.hosts
        files = self.server.place.root / "files"
        random_files(files, [LARGE, 1024], seed=1)
        for port in (WEB, PLAIN):
            self.server.nginx(NginxFiles, files, port=port, workers=2)
        self.proxies = {"HAProxy pair": self._haproxy(), "nginx pair": self._nginx()}
        note("an agent on each host")
        for host in self.mesh.hosts:
            host.start("--log-level", "info")
        backends, tls = [backend(self.server.address, WEB)], {"mode": "mutual"}
        self.mesh.publish(service("web", SERVICE, PORT, backends, tls=tls), service("short", SHORT, PORT, backends, tls=tls, acceleration="on"))

    def _bundle(self, host):
        path = host.tls / "bundle.pem"
        path.write_text((host.tls / "node.pem").read_text() + (host.tls / "node.key").read_text())
        return path

    def _haproxy(self):
        front, back = HAPROXY
        there = (f"ssl crt {{bundle}} ca-file {{ca}} verify required ssl-min-ver TLSv1.3 ciphersuites {CIPHER}")
        made = []
        for host, bind, server in (
                (self.server, f"bind {self.server.address}:{back} {there}", f"server web {self.server.address}:{WEB}"),
                (self.client, f"bind 127.0.0.1:{front}", f"server peer {self.server.address}:{back} {there}")):
            file = host.place.root / "haproxy.cfg"
            names = {"bundle": self._bundle(host), "ca": host.tls / "authorities.pem"}
            file.write_text(HAPROXY_CONF.format(bind=bind.format(**names), server=server.format(**names)))
            made.append(self._started(host, front if host is self.client else back, "haproxy", "-db", "-f", file))
        return made

    def _nginx(self):
        front, back = NGINX
        made = []
        for host, prefix, listen, to in ((self.server, "ssl", f"{self.server.address}:{back} ssl", f"{self.server.address}:{WEB}"),
                                         (self.client, "proxy_ssl", f"127.0.0.1:{front}", f"{self.server.address}:{back}")):
            trusted = "ssl_client_certificate" if prefix == "ssl" else "proxy_ssl_trusted_certificate"
            more = "ssl_verify_client on;" if prefix == "ssl" else "proxy_ssl on; proxy_ssl_verify on; proxy_ssl_name node; proxy_ssl_verify_depth 2;"
            body = (f"listen {listen}; proxy_pass {to}; {prefix}_certificate {host.tls}/node.pem; {prefix}_certificate_key {host.tls}/node.key; "
                    f"{trusted} {host.tls}/authorities.pem; {prefix}_protocols TLSv1.3; {prefix}_conf_command Ciphersuites {CIPHER}; {more}")
            directory = host.place.root / "nginx-pair"
            directory.mkdir()
            (directory / "nginx.conf").write_text(NGINX_STREAM.format(directory=directory, module=STREAM_MODULE, body=body))
            made.append(self._started(host, front if host is self.client else back, "nginx", "-e", "stderr", "-c", directory / "nginx.conf"))
        return made

    @staticmethod
    def _started(host, port, *command):
        process = host.keep(Process(command, host.place.root / f"logs/{command[0]}", host.netns.enter))

        def listens():
            assert process.running(), process.output()
            return f":{port} " in run("ss", "-Hltn", preexec_fn=host.netns.enter).stdout
        wait_until(listens, process.output)
        return process

    def ways(self):
        """Name to ADDRESS:PORT and how a client gets there."""
        outside = self.client.netns.enter
        return {"direct": (f"{self.server.address}:{PLAIN}", outside), "meshd": (f"{SERVICE}:{PORT}", self.client.enter),
                "meshd, short way": (f"{SHORT}:{PORT}", self.client.enter),
                "HAProxy pair": (f"127.0.0.1:{HAPROXY[0]}", outside), "nginx pair": (f"127.0.0.1:{NGINX[0]}", outside)}

    def workers(self):
        return [host.agent.worker_pid() for host in self.mesh.hosts]

    def resident_mb(self):
        return [machine.resident_mb(pid) for pid in self.workers()]

    def close(self):
        self.mesh.close()
