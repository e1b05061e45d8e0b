# SPDX-License-Identifier: Apache-2.0
"""Validates the example files, and files that must fail, against the JSON schemas with an implementation that is not ours.

Usage: schema_examples.py SOURCE_DIRECTORY. Exit code 77: skipped, a Python module is missing.
"""
import pathlib
import sys
import json

try:
    import jsonschema
    import yaml
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

root = pathlib.Path(sys.argv[1])
failures = []


def validator(name):
    schema = json.loads((root / "userspace/config/schema" / name).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def expect(schema, value, valid, what):
    errors = [error.message for error in schema.iter_errors(value)]
    if bool(errors) == valid:
        failures.append(f"{what}: {errors or 'accepted'}")


settings = validator("settings.schema.json")
registry = validator("registry.schema.json")

examples = root / "deploy/examples"
expect(settings, yaml.safe_load((examples / "meshd.yaml").read_text(encoding="utf-8")), True, "meshd.yaml")
for path in sorted((examples / "services.d").glob("*.yaml")):
    expect(registry, yaml.safe_load(path.read_text(encoding="utf-8")), True, path.name)

expect(settings, None, True, "an empty meshd.yaml")
expect(registry, None, True, "an empty file of services")

web = {"name": "web", "address": "10.96.0.10", "port": 80, "backends": []}
for what, change in {
    "unknown key": {"zzz": 1},
    "two kinds of address": {"addresses": ["10.96.0.11"]},
    "two kinds of port": {"ports": [{"port": 81}]},
    "port out of range": {"port": 65536},
    "port as text": {"port": "80"},
    "name with a space": {"name": "my web"},
    "name too long": {"name": "w" * 128},
    "backend with port and ports": {"backends": [{"address": "10.0.0.1", "port": 1, "ports": {"http": 1}}]},
    "weight out of range": {"backends": [{"address": "10.0.0.1", "weight": 1001}]},
    "acceleration as a boolean": {"acceleration": True},
    "acceleration as auto": {"acceleration": "auto"},
    "acceleration of another kind": {"acceleration": {"fionread": "accept", "zzz": 1}},
    "acceleration without a word": {"acceleration": {}},
}.items():
    expect(registry, {"services": [web | change]}, False, what)
expect(registry, {"services": [web | {"name": "w" * 127}]}, True, "longest name")
for key in web:
    expect(registry, {"services": [{k: v for k, v in web.items() if k != key}]}, False, f"service without {key}")

for balancing, valid in (("latency", True), ({"policy": "maglev", "hash": "workload"}, True), ({"policy": "fastest"}, False),
                         ({"locality": {"prefer": "zone", "spill_below": "70%"}}, True), ({"locality": {"spill_open": 1}}, False),
                         ({"slow_start": 30}, False), ("fastest", False), ({"zzz": 1}, False)):
    expect(registry, {"services": [web | {"balancing": balancing}]}, valid, f"balancing: {balancing}")
for subsets, valid in (([{"name": "a", "labels": {"v": "1"}}], True), ([], False), ([{"name": "a"}], False),
                       ([{"name": "a", "labels": {"v": 1}}], False), ([{"name": "a", "labels": {}}], False)):
    expect(registry, {"services": [web | {"subsets": subsets}]}, valid, f"subsets: {subsets}")
for locality, valid in (("eu/a/n1", True), ("eu", True), ("eu//n1", False), ("a/b/c/d", False), ("", True)):
    expect(settings, {"node": {"locality": locality}}, valid, f"node.locality: {locality}")

for acceleration in "on", "off", {"fionread": "accept"}:
    expect(registry, {"services": [web | {"acceleration": acceleration}]}, True, f"acceleration: {acceleration}")


def accelerated(**keys):
    return {"acceleration": keys}


for what, value in {
    "size without a unit": accelerated(memory=268435456),
    "size in MB": accelerated(memory="256MB"),
    "size with a leading zero": accelerated(memory="0256MiB"),
    "two exclusions in one": accelerated(exclude=[{"port": 1, "user": "root"}]),
    "empty exclusion": accelerated(exclude=[{}]),
    "exclusion twice": accelerated(exclude=[{"port": 1}, {"port": 1}]),
    "cgroup that goes up": accelerated(exclude=[{"cgroup": "/a/../b"}]),
    "cgroup that ends going up": accelerated(exclude=[{"cgroup": "/.."}]),
    "relative cgroup": accelerated(exclude=[{"cgroup": "a"}]),
    "257 exclusions": accelerated(exclude=[{"port": port} for port in range(1, 258)]),
}.items():
    expect(settings, value, False, what)
expect(settings, accelerated(exclude=[{"port": port} for port in range(1, 257)]), True, "256 exclusions")
for exclusion in {"service": "a/b"}, {"cgroup": "/a/..b/c"}, {"cgroup": "/"}, {"user": "root"}, {"user": 0}:
    expect(settings, accelerated(exclude=[exclusion]), True, f"exclusion {exclusion}")

for what, value in {
    "device with a slash": {"devices": ["a/b"]},
    "name of a device too long": {"devices": ["x" * 16]},
    "device twice": {"devices": ["eth0", "eth0"]},
    "one port": {"forwarding": {"ports": "61001"}},
    "time without a unit": {"forwarding": {"timeouts": {"udp": 60}}},
}.items():
    expect(settings, value, False, what)
expect(settings, {"devices": ["eth0", "veth*", "!veth[0-9]", "x" * 15]}, True, "patterns of devices")
expect(registry, {"services": [web | {"node_port": 30080, "forward": "nat", "affinity": "30m"}]}, True, "forwarding")
expect(registry, {"services": [web | {"affinity": 0}]}, True, "no affinity")
for drain in ({"deadline": "60s"}, {"deadline": "none", "sockets": "close"}, {"sockets": "keep"}, {"unhealthy": "close"}):
    expect(registry, {"services": [web | {"drain": drain}]}, True, f"drain {drain}")
for health in ({"eject": {}}, {"panic": "0%"}, {"eject": {"consecutive": 1, "rate": "10%", "base": "1s"}}):
    expect(registry, {"services": [web | {"health": health}]}, True, f"health {health}")
for health in ({"eject": 5}, {"eject": None}, {"panic": 50}, {"eject": {"most": "101%"}}, {"eject": {"row": 3}}, None):
    expect(registry, {"services": [web | {"health": health}]}, False, f"health {health}")
for drain in ({"deadline": 60}, {"sockets": "reset"}, {"until": "60s"}, None):
    expect(registry, {"services": [web | {"drain": drain}]}, False, f"drain {drain}")
for what, change in {"affinity without a unit": {"affinity": 30}, "forward: auto": {"forward": "auto"}, "node port 0": {"node_port": 0}}.items():
    expect(registry, {"services": [web | change]}, False, what)



def probed(**probe):
    return {"services": [web | {"health": {"probe": probe}}]}


for probe in (
        {"type": "tcp", "port": 81, "interval": "1s", "timeout": "500ms", "jitter": 0.25, "healthy": 1, "unhealthy": 1, "initial": "unhealthy"},
        {"type": "http", "path": "/a?b=%20", "host": "a.example", "status": ["200-299", 304], "body": "ok"},
        {"type": "https", "ca": "/ca.pem"}, {"type": "grpc", "tls": True, "ca": "/ca.pem", "service": "a.B"}, {"type": "grpc", "host": "a"},
        {"type": "exec", "command": ["/check", "{address}"]}):
    expect(registry, probed(**probe), True, f"probe {probe}")
for probe in ({}, {"type": "icmp"}, {"type": "tcp", "path": "/"}, {"type": "http", "ca": "/ca.pem"}, {"type": "grpc", "ca": "/ca.pem"},
              {"type": "grpc", "path": "/"}, {"type": "exec"}, {"type": "exec", "command": []}, {"type": "tcp", "command": ["/check"]},
              {"type": "http", "path": "x"}, {"type": "http", "status": ["2xx"]}, {"type": "tcp", "jitter": 0.6}, {"type": "tcp", "interval": 5}):
    expect(registry, probed(**probe), False, f"probe {probe}")
for panic in "0%", "50%", "100%":
    expect(registry, {"services": [web | {"health": {"probe": {"type": "tcp"}, "panic": panic}}]}, True, f"panic {panic}")
for panic in 50, 0.5, "50", "101%":
    expect(registry, {"services": [web | {"health": {"probe": {"type": "tcp"}, "panic": panic}}]}, False, f"panic {panic}")

for value in (
    {"log": {"file": "stdout", "events": ["opened"], "sample": 0.5, "rotate": {"size": "64KiB", "keep": 1}}},
    {"otlp": {"endpoint": "https://[::1]:4318/base", "headers": {"Authorization": "Bearer a"}, "batch": {"records": 1, "interval": "100ms"}}},
):
    expect(settings, {"flows": value}, True, f"flows {value}")
for what, value in {
    "relative log": {"log": {"file": "flows.jsonl"}},
    "event of another name": {"log": {"events": ["ended"]}},
    "no event": {"log": {"events": []}},
    "event twice": {"log": {"events": ["closed", "closed"]}},
    "sample above one": {"otlp": {"sample": 1.5}},
    "endpoint without a scheme": {"otlp": {"endpoint": "127.0.0.1:4318"}},
    "endpoint with a query": {"otlp": {"endpoint": "http://a/?b"}},
    "header that is a number": {"otlp": {"headers": {"a": 1}}},
}.items():
    expect(settings, {"flows": value}, False, what)

consul = {"url": "http://127.0.0.1:8500"}
for value in (
    {"consul": consul, "etcd": {"endpoints": ["https://[::1]:2379"]}, "kubernetes": {}},
    {"consul": [consul, consul | {"name": "dc2", "reads": "stale", "discover": False, "keys": "meshd/"}], "order": ["files", "dc2"]},
    {"consul": {"url": "https://c/", "certificate": "/c", "key": "/k", "server_name": "a.b"}, "resync": "1h"},
    {"kubernetes": {"kubeconfig": "/k", "context": "a@b"}, "hold": {"share": "100%", "time": "1s"}},
    {"dns": {"servers": ["127.0.0.1:53", "[::1]:53"], "least_ttl": "500ms"}},
):
    expect(settings, {"registry": value}, True, f"registry {value}")
for what, value in {
    "Consul without an address": {"consul": {}},
    "Consul with a path": {"consul": {"url": "http://c/v1"}},
    "certificate without its key": {"consul": consul | {"certificate": "/c"}},
    "other reads": {"consul": consul | {"reads": "fresh"}},
    "keys behind a slash": {"consul": consul | {"keys": "/meshd"}},
    "etcd without endpoints": {"etcd": {"endpoints": []}},
    "user without a password": {"etcd": {"endpoints": ["http://e"], "user": "root"}},
    "context of nothing": {"kubernetes": {"context": "a"}},
    "name with a slash": {"kubernetes": {"name": "a/b"}},
    "server without a port": {"dns": {"servers": ["127.0.0.1"]}},
    "share of nothing": {"hold": {"share": "0%"}},
    "registry that is not known": {"consol": {}},
}.items():
    expect(settings, {"registry": value}, False, what)

for what, value, valid in (
    ("default", {}, True), ("all keys", {"listen": "[::]:80", "token_file": "/t", "hosts": ["n1", "n1.example.org"]}, True),
    ("loopback", {"listen": "127.1.2.3:80"}, True), ("loopback of IPv6", {"listen": "[::1]:80"}, True), ("open", {"listen": "0.0.0.0:80"}, False),
    ("open to IPv6", {"listen": "[::]:80"}, False), ("upper case", {"hosts": ["N1"]}, False), ("port", {"hosts": ["n1:80"]}, False),
    ("relative token", {"token_file": "t"}, False), ("token", {"token": "abc"}, False), ("nothing", None, False),
):
    expect(settings, {"picture": value}, valid, f"picture: {what}")

asked = {key: value for key, value in web.items() if key != "backends"}
for source in ({"consul": "web"}, {"consul": "web", "registry": "dc1", "tags": ["a"], "datacenter": "eu"}, {"dns": "db.example."},
               {"srv": "_http._tcp.example"}, {"etcd": "web", "registry": "eu"}):
    expect(registry, {"services": [asked | {"backends_from": source}]}, True, f"backends_from {source}")
for source in ({}, {"registry": "dc1"}, {"consul": "web", "dns": "db"}, {"dns": "db", "tags": ["a"]}, {"dns": "a..b"},
               {"consul": "web", "tags": ["a", "a"]}, {"etcd": "web", "tags": ["a"]}, {"etcd": "a/b"}, {"host": "db"}, "consul", None):
    expect(registry, {"services": [asked | {"backends_from": source}]}, False, f"backends_from {source}")
expect(registry, {"services": [web | {"backends_from": {"consul": "web"}}]}, False, "backends and backends_from")

for given in ({"balancing": "latency"}, {"limits": {"rate": 10}, "health": {"probe": {"type": "tcp"}}}, {"affinity": "1h", "forward": "off"}):
    expect(registry, {"service_settings": [{"service": "shop/web", **given}]}, True, f"settings {given}")
for given in ({}, {"balancing": "fastest"}, {"address": "10.96.0.10"}, {"backends": []}, {"drain": {"until": "60s"}}):
    expect(registry, {"service_settings": [{"service": "shop/web", **given}]}, False, f"settings {given}")
expect(registry, {"service_settings": [{"balancing": "latency"}]}, False, "settings for no service")

edge_route = {"names": ["a.test"], "service": "a"}
for what, change, valid in (
    ("a route", {}, True), ("wildcard", {"names": ["*.a.test", "*"]}, True), ("port by name", {"port": "http"}, True), ("port by number", {"port": 80}, True),
    ("passes", {"pass_through": True, "proxy_protocol": "v2"}, True), ("upper case", {"names": ["A.test"]}, False), ("star inside", {"names": ["a.*.test"]}, False),
    ("no name", {"names": []}, False), ("protocols of what passes", {"pass_through": True, "alpn": ["h2"]}, False), ("port 0", {"port": 0}, False),
):
    listener = {"name": "a", "listen": "[::]:443", "routes": [edge_route | change]}
    expect(settings, {"edge": {"listeners": [listener]}}, valid, f"edge: {what}")

edge_acme = {"accept_terms": True}
for what, acme, certificate, valid in (
    ("issued", {}, {"acme": ["a.test", "b.test"]}, True), ("over http", {"challenge": "http-01", "http": "[::]:80"}, {"acme": ["a.test"]}, True),
    ("all keys", {"directory": "https://ca.test/dir", "email": "ops@a.test", "storage": "/s", "renew_before": "24h"}, {"acme": ["a.test"]}, True),
    ("terms denied", {"accept_terms": False}, {"acme": ["a.test"]}, False), ("no address for http", {"challenge": "http-01"}, {"acme": ["a.test"]}, False),
    ("an address for nothing", {"http": "[::]:80"}, {"acme": ["a.test"]}, False), ("clear text", {"directory": "http://ca.test"}, {"acme": ["a.test"]}, False),
    ("wildcard", {}, {"acme": ["*.a.test"]}, False), ("no name", {}, {"acme": []}, False), ("files as well", {}, {"acme": ["a.test"], "key": "/k"}, False),
    ("files", {}, {"certificate": "/c", "key": "/k"}, True), ("half of the files", {}, {"certificate": "/c"}, False),
):
    listener = {"name": "a", "listen": "[::]:443", "certificates": [certificate], "routes": [edge_route]}
    expect(settings, {"edge": {"acme": edge_acme | acme, "listeners": [listener]}}, valid, f"acme: {what}")

for failure in failures:
    print(failure)
sys.exit(1 if failures else 0)
