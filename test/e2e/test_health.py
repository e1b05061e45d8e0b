# SPDX-License-Identifier: Apache-2.0
"""Probes find out what a backend is worth, and only backends that are healthy get new connections."""

import os
import pathlib
import sys

import pytest

from harness import echo, probed, servers
from harness.agent import free_port
from harness.process import Process, wait_until
from harness.registry import backend, service

ADDRESS = "10.96.0.60"
USER = "daemon"  # for the worker: no other process here is its


def probe(kind, panic="0%", **keys):
    return {"probe": {"type": kind, "interval": "200ms", "timeout": "200ms", "healthy": 2, "unhealthy": 2} | keys, "panic": panic}


def health(agent, name="line"):
    return [one["health"] for one in agent.service(name)["ports"][0]["backends"]]


def wait_states(agent, *states, name="line"):
    """Until the backends are in these states by a verdict of probes, not only from the beginning."""
    wait_until(lambda: [one["state"] for one in health(agent, name)] == list(states) and all(one["since"] for one in health(agent, name)),
               lambda: f"backends to be {states}; they are {health(agent, name)}\n{agent.output()}", timeout=20)


def publish(world, agent, listeners, **keys):
    made = service("line", ADDRESS, 7, [backend(one.address, one.port) for one in listeners], balancing="round_robin", **keys)
    world.registry.write(made)
    agent.wait_applied(made)
    return made


def test_a_dead_backend_gets_nothing_until_it_is_back(world):
    listeners = [world.tcp_echo(name) for name in "abc"]
    agent = world.agent()
    publish(world, agent, listeners, health=probe("tcp"))
    wait_states(agent, "healthy", "healthy", "healthy")
    assert {echo.who(world, ADDRESS, 7) for _ in range(6)} == set("abc")

    listeners[1].close()
    wait_states(agent, "healthy", "unhealthy", "healthy")
    assert {echo.who(world, ADDRESS, 7) for _ in range(12)} == set("ac")
    assert health(agent)[1]["reason"] == "refused"
    explained = agent.meshctl_json("explain", f"{ADDRESS}:7")
    assert [one["why"] for one in explained["candidates"]] == ["", "state is unhealthy: refused", ""]
    listed = agent.meshctl("backend", "list").stdout
    assert "unhealthy" in listed and "1 unhealthy" in listed
    gauges = [line for line in agent.metrics().splitlines() if line.startswith("meshd_backend_healthy{")]
    assert [line.endswith(" 0") for line in gauges] == [f':{listeners[1].port}"' in line for line in gauges] and len(gauges) == 3
    assert 'meshd_probes_total{result="refused"}' in agent.metrics()

    world.keep(echo.TcpEcho("b again", port=listeners[1].port))
    wait_states(agent, "healthy", "healthy", "healthy")
    assert {echo.who(world, ADDRESS, 7) for _ in range(12)} == {"a", "b again", "c"}


def test_with_all_down_the_policy_of_panic_decides(world):
    listeners = [world.tcp_echo(name) for name in "ab"]
    agent = world.agent()
    publish(world, agent, listeners, health=probe("tcp", panic="0%"))
    wait_states(agent, "healthy", "healthy")
    for one in listeners:
        one.close()
    wait_states(agent, "unhealthy", "unhealthy")
    with pytest.raises(ConnectionRefusedError):
        echo.who(world, ADDRESS, 7)
    explained = agent.meshctl("explain", f"{ADDRESS}:7", check=False)
    assert explained.returncode == 4 and "no_backend" in explained.stdout and "state is unhealthy: refused" in explained.stdout
    assert not agent.service("line")["ports"][0]["panic"]

    publish(world, agent, listeners, health=probe("tcp", panic="50%"))
    agent.wait_status(lambda status: any(one["feature"] == "health panic" for one in status["degraded"]), "panic to be told")
    assert agent.service("line")["ports"][0]["panic"]
    assert agent.meshctl_json("explain", f"{ADDRESS}:7")["chosen"]
    for one in listeners:
        world.keep(echo.TcpEcho(one.name, port=one.port))
    wait_states(agent, "healthy", "healthy")
    assert {echo.who(world, ADDRESS, 7) for _ in range(4)} == set("ab")
    agent.wait_status(lambda status: not status["degraded"], "panic to end")


def test_fewer_than_the_panic_threshold_use_all(world):
    listeners = [world.tcp_echo(name) for name in "abc"]
    agent = world.agent()
    publish(world, agent, listeners, health=probe("tcp", panic="50%", port=free_port()) | {})
    wait_states(agent, "unhealthy", "unhealthy", "unhealthy")
    assert {echo.who(world, ADDRESS, 7) for _ in range(6)} == set("abc")
    assert agent.service("line")["ports"][0]["panic"]


def test_what_is_known_stays_over_the_end_of_a_worker(world):
    listeners = [world.tcp_echo(name) for name in "ab"]
    agent = world.agent()
    publish(world, agent, listeners, health=probe("tcp", interval="1s", timeout="1s", unhealthy=3))
    listeners[0].close()
    wait_states(agent, "unhealthy", "healthy")
    before = agent.worker_pid()
    os.kill(before, 9)
    wait_until(lambda: agent.worker_pid() not in (0, before), "another worker")
    # The new one needs three attempts before it has an opinion of its own.
    for _ in range(10):
        assert {echo.who(world, ADDRESS, 7) for _ in range(4)} == {"b"}
    world.keep(echo.TcpEcho("a", port=listeners[0].port))
    wait_states(agent, "healthy", "healthy")


def test_initial_unhealthy_waits_for_successes(world):
    listeners = [world.tcp_echo("a")]
    agent = world.agent()
    # The first attempt is due within the hour: until then the beginning holds.
    publish(world, agent, listeners, health=probe("tcp", interval="1h", timeout="1s", initial="unhealthy"))
    assert [one["state"] for one in health(agent)] == ["unhealthy"]
    with pytest.raises(ConnectionRefusedError):
        echo.who(world, ADDRESS, 7)
    publish(world, agent, listeners, health=probe("tcp", initial="unhealthy"))
    wait_states(agent, "healthy")
    assert echo.who(world, ADDRESS, 7) == "a"


def test_one_backend_of_two_services_is_probed_once(world):
    listener = world.keep(probed.Scripted(probed.answer(200)))
    agent = world.agent()
    made = [service(name, f"10.96.0.{60 + number}", 80, [backend(listener.address, listener.port)], health=probe("http"))
            for number, name in enumerate(("one", "two"))]
    world.registry.write(*made)
    agent.wait_applied(*made)
    wait_states(agent, "healthy", name="one")
    wait_states(agent, "healthy", name="two")
    assert "meshd_probe_targets 1" in agent.metrics()


def test_a_change_of_another_backend_does_not_begin_anew(world):
    listeners = [world.tcp_echo(name) for name in "ab"]
    agent = world.agent()
    publish(world, agent, listeners[:1], health=probe("tcp"))
    wait_states(agent, "healthy")
    since = health(agent)[0]["since"]
    publish(world, agent, listeners, health=probe("tcp"))
    wait_states(agent, "healthy", "healthy")
    assert health(agent)[0]["since"] == since


def test_a_probe_of_an_address_that_is_another_services_is_not_translated(world):
    """A registry with a backend at another service's address is refused, but a probe's own port may lead there: translated, it would ask
    the other service's backend."""
    space = world.netns()
    itself = world.keep(probed.Scripted(probed.answer(200, b"itself"), address=space.host_address))
    other = world.nginx("other")
    made = [service("other", itself.address, itself.port, [backend(other.address, other.port)]),
            service("line", ADDRESS, 80, [backend(itself.address, 9)], health=probe("http", body="itself", port=itself.port))]
    world.registry.write(*made)
    agent = world.agent("--worker-user", USER, start=False)
    with world.cgroup.entered():  # or no hook would see the worker's connections
        agent.start()
    agent.wait_applied(*made)
    assert world.curl(itself.address, itself.port).stdout == "other\n"
    wait_states(agent, "healthy")
    assert agent.status()["events"]["worker_untouched"] > 0


# ---- What each kind of server comes to ----

def endless_head(connection):
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-Long: " + b"x" * 4096 + b"\r\n")


def hangs(connection):
    probed.wait_for_close(connection)


SCRIPTS = {
    "good": ("http", {}, probed.answer(200), "success"),
    "good-body": ("http", {"body": "fine"}, probed.answer(200, b"all is fine here"), "success"),
    "early-hint": ("http", {}, probed.raw(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
                   "success"),
    "chunked": ("http", {"body": "fine"}, probed.raw(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nfi\r\n2\r\nne\r\n0\r\n\r\n"), "success"),
    "bad-status": ("http", {}, probed.answer(503), "bad_status: answered 503"),
    "other-status": ("http", {"status": ["200-299", 304]}, probed.answer(304), "success"),
    "bad-body": ("http", {"body": "fine"}, probed.answer(200, b"broken"), 'bad_body: no "fine" in 6 bytes'),
    "long-body": ("http", {"body": "fine"}, probed.answer(200, b"x" * 65536 + b"fine"), 'bad_body: no "fine" in 65536 bytes'),
    "half-body": ("http", {"body": "fine"}, probed.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), "closed: in the body"),
    "slow-head": ("http", {}, probed.raw(b"HTTP/1.1 200", hangs), "answer_timeout: after 12 bytes"),
    "silence": ("http", {}, hangs, "answer_timeout: no byte of it"),
    "endless-head": ("http", {}, endless_head, "too_large: header"),
    "garbage": ("http", {}, probed.raw(b"\x00\xff garbage\r\n\r\n"), "not_http"),
    "close": ("http", {}, probed.raw(b""), "closed"),
    "reset": ("http", {}, probed.raw(b"HTTP/1.1", probed.reset), "reset"),
    "http2-of-http1": ("http2", {}, probed.raw(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", hangs), "not_http"),
    "http2-garbage": ("http2", {}, probed.raw(b"\x00" * 64, hangs), "not_http"),
    "http2-silence": ("http2", {}, hangs, "answer_timeout: no byte of it"),
    "https-plain": ("https", {}, probed.raw(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "not_tls"),
    "https-silence": ("https", {}, hangs, "tls_timeout"),
    "https-reset": ("https", {}, probed.raw(b"", probed.reset), "reset: in the TLS handshake"),
    "https-close": ("https", {}, probed.raw(b""), "closed: in the TLS handshake"),
    "grpc-of-http1": ("grpc", {}, probed.raw(b"HTTP/1.1 400 Bad Request\r\n\r\n", hangs), "not_http"),
}


def expect(world, cases):
    """cases: name -> (type, keys of the probe, address, port, how the reason begins)."""
    made = [service(name, f"10.96.1.{number}", 80, [backend(address, port)],
                    health=probe(kind, interval="1s", timeout="1s", healthy=1, unhealthy=1, **keys))
            for number, (name, (kind, keys, address, port, _)) in enumerate(cases.items(), 1)]
    world.registry.write(*made)
    agent = world.agent()
    agent.wait_applied(*made)

    def wrong():
        found = {name: health(agent, name)[0]["reason"] for name in cases}
        return {name: reason for name, reason in found.items()
                if not (reason == cases[name][4] or reason.startswith(cases[name][4] + ":"))}
    # Under load one answer may come too late; another reason is told after ten seconds.
    wait_until(lambda: not wrong(), lambda: f"these to come to something else: {wrong()}", timeout=40, interval=0.2)
    return agent


def test_every_way_to_answer_has_its_reason(world):
    cases = {}
    for name, (kind, keys, script, reason) in SCRIPTS.items():
        server = world.keep(probed.Scripted(script))
        cases[name] = (kind, keys, server.address, server.port, reason)
    cases["refused"] = ("tcp", {}, "127.0.0.1", free_port(), "refused")
    space = world.netns()
    space.run("nft", "add table inet t; add chain inet t c { type filter hook input priority 0; }; add rule inet t c tcp dport 9 drop")
    cases["black-hole"] = ("http", {}, space.address, 9, "connect_timeout")
    cases["exec-good"] = ("exec", {"command": ["/bin/sh", "-c", "test \"$0:$1\" = 127.0.0.1:9", "{address}", "{port}"]}, "127.0.0.1", 9,
                          "success")
    cases["exec-status"] = ("exec", {"command": ["/bin/sh", "-c", "exit 3"]}, "127.0.0.1", 9, "exit_status: 3")
    cases["exec-signal"] = ("exec", {"command": ["/bin/sh", "-c", "kill -SEGV $$"]}, "127.0.0.1", 9, "killed: by signal 11 (SIGSEGV)")
    cases["exec-hangs"] = ("exec", {"command": ["/bin/sh", "-c", "sleep 977 & sleep 977"]}, "127.0.0.1", 9,
                           "answer_timeout: the command was killed")
    agent = expect(world, cases)
    agent.stop()
    wait_until(lambda: not [line for line in agent.own_processes().values() if "sleep 977" in line], "commands to be killed")


NGINX_PROBED = """
    server {{
        listen {address}:{port};
        location / {{ return 200 "plain\\n"; }}
        location /broken {{ return 500; }}
    }}
    server {{
        listen {address}:{tls} ssl http2;
        ssl_certificate {certificate}; ssl_certificate_key {key};
        location / {{ return 200 "secure $server_protocol $host\\n"; }}
    }}
    server {{
        listen {address}:{h2c} http2;
        location / {{ return 200 "two $host\\n"; }}
        location /broken {{ return 500; }}
    }}
"""


def test_real_servers(world):
    authority = probed.Authority(world.place.root / "authority")
    certificate, key = authority.issue("good", "DNS:shop.example,IP:127.0.0.1")
    ports = {"tls": free_port(), "h2c": free_port()}
    nginx = world.keep(servers.Nginx(world.place.root / "nginx", lambda server: NGINX_PROBED.format(
        address=server.address, port=server.port, certificate=certificate, key=key, **ports)))
    ca = str(authority.certificate)
    at = nginx.address
    grpc_port, grpc_tls_port, bare_port = free_port(), free_port(), free_port()
    script = pathlib.Path(__file__).parent / "harness/grpc_health.py"
    for port, words, environment in ((grpc_port, ["=1", "up=1", "down=2", "gone=3"], {}),
                                     (grpc_tls_port, ["=1"], {"CERTIFICATE": str(certificate), "KEY": str(key)}), (bare_port, [], {})):
        # -P: gRPC's own modules come before those of the harness, which have names that it looks for.
        process = Process([sys.executable, "-B", "-P", script, f"127.0.0.1:{port}", *words], world.place.root / f"logs/grpc{port}",
                          env=os.environ | environment)
        world._stack.callback(process.stop)
    expect(world, {
        "http": ("http", {"body": "plain"}, at, nginx.port, "success"),
        "http-broken": ("http", {"path": "/broken"}, at, nginx.port, "bad_status: answered 500"),
        "http2": ("http2", {"body": "two shop.example", "host": "shop.example"}, at, ports["h2c"], "success"),
        "http2-broken": ("http2", {"path": "/broken"}, at, ports["h2c"], "bad_status: answered 500"),
        "http2-body": ("http2", {"body": "three"}, at, ports["h2c"], "bad_body"),
        "https": ("https", {"ca": ca, "host": "shop.example", "body": "secure HTTP/2.0 shop.example"}, at, ports["tls"], "success"),
        "https-by-address": ("https", {"ca": ca}, at, ports["tls"], "success"),
        "https-other-name": ("https", {"ca": ca, "host": "other.example"}, at, ports["tls"], "certificate_name"),
        "https-system": ("https", {"host": "shop.example"}, at, ports["tls"], "certificate_ca"),
        "https-no-file": ("tcp", {}, at, ports["tls"], "success"),
        "grpc": ("grpc", {}, at, grpc_port, "success"),
        "grpc-up": ("grpc", {"service": "up"}, at, grpc_port, "success"),
        "grpc-down": ("grpc", {"service": "down"}, at, grpc_port, "not_serving"),
        "grpc-gone": ("grpc", {"service": "gone"}, at, grpc_port, "unknown_service"),
        "grpc-unknown": ("grpc", {"service": "nobody"}, at, grpc_port, "unknown_service"),
        "grpc-tls": ("grpc", {"tls": True, "ca": ca, "host": "shop.example"}, at, grpc_tls_port, "success"),
        "grpc-without-health": ("grpc", {}, at, bare_port, "grpc_error: status 12"),
        "grpc-of-nginx": ("grpc", {}, at, ports["h2c"], "grpc_error"),
    })


def test_certificates_that_are_not_believed(world):
    authority = probed.Authority(world.place.root / "authority")
    stranger = probed.Authority(world.place.root / "stranger")
    ca = str(authority.certificate)
    contexts = {
        "good": (authority.context("good", "DNS:shop.example"), "success"),
        "expired": (authority.context("expired", "DNS:shop.example", end="20250101000000Z"), "certificate_expired"),
        "early": (authority.context("early", "DNS:shop.example", begin="20480101000000Z"), "certificate_expired"),
        "name": (authority.context("name", "DNS:other.example"), "certificate_name"),
        "stranger": (stranger.context("stranger", "DNS:shop.example"), "certificate_ca"),
    }
    cases = {}
    for name, (context, reason) in contexts.items():
        server = world.keep(probed.Scripted(probed.answer(200), context=context))
        cases[name] = ("https", {"ca": ca, "host": "shop.example"}, server.address, server.port, reason)
    expect(world, cases)
