#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks rules of the tree that no compiler checks: direction of includes, one user for each library, using-declarations that are used,
length of map names, metrics that docs/metrics.md has, licence lines."""

import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
SOURCES = {".c", ".h", ".cpp", ".hpp", ".py", ".sh"}
MAP_NAME_LIMIT = 15  # BPF_OBJ_NAME_LEN less the terminating NUL

# A folder under userspace/ may include those of a lower level and itself, nothing else.
LEVELS = {"base": 0, "ktls": 1, "model": 1, "process": 1, "config": 2, "tls": 3, "health": 4, "http": 4, "web": 4, "channel": 4, "telemetry": 4, "relay": 4, "registry": 5, "exporters": 5, "picture": 5, "store": 6, "announce": 6, "signing": 6, "acme": 6, "worker": 7}

# Folders of the agent, and itself.
AGENT = r"(agent|kernel|acceleration|sockets|flows|policy|reconcile|steering|control|app)/"

# library's include -> the only folders that may use it
USERS = {
    r"bpf/(libbpf|bpf|btf)\.h": ("agent/kernel/",),
    r"(\w+/)*\w+\.skel\.h": ("agent/kernel/",),
    r"yaml-cpp/": ("userspace/config/",),
    r"boost/beast": ("userspace/http/", "userspace/health/", "userspace/signing/"),
    r"nghttp2/": ("userspace/health/",),
    r"(openssl|boost/asio/ssl)/": ("userspace/tls/",),
    r"curl/": ("userspace/web/",),
    r"seccomp\.h": ("userspace/worker/",),
    r"archive(_entry)?\.h": ("tools/meshctl/",),
    r"(ares|resolv|arpa/nameser)\.h": ("userspace/registry/dns/",),
    r"prometheus/metric_family\.h": ("userspace/telemetry/", "userspace/worker/"),  # the value that the two exchange
    r"prometheus/(?!metric_family\.h)": ("userspace/telemetry/",),
}

# clang-tidy looks at several files together and so takes what another file uses for used.
USING = re.compile(r"^\s*using (?:\w+::)+(\w+);", re.MULTILINE)

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def files():
    for folder in ("agent", "bpf", "include", "scripts", "test", "tools", "userspace"):
        yield from sorted(p for p in (TOP / folder).rglob("*") if p.suffix in SOURCES and p.is_file())


def includes(text):
    for match in INCLUDE.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, match.group(1) == "<", match.group(2)


def layer_of(path):
    return path.split("/", 1)[0] if "/" in path else None


def check_direction(name, line, included):
    """Includes between our own folders."""
    target = layer_of(included)
    if name.startswith("userspace/") and target in LEVELS:
        own = name.split("/")[1]
        if own != target and LEVELS.get(own, -1) <= LEVELS[target]:
            yield f"{name}:{line}: userspace/{own} may not include {included}"
    if name.startswith(("userspace/", "include/", "bpf/")) and re.match(AGENT, included):
        yield f"{name}:{line}: only the agent may include {included}"
    if name.startswith("tools/meshctl/") and re.match(AGENT, included):
        yield f"{name}:{line}: meshctl speaks to the agent by its socket only, it may not include {included}"


def check_contract(name, line, system, included):
    """The contract and the kernel half are C: no header of C++ (they have no suffix) or of userspace."""
    if name.startswith(("include/meshd/", "bpf/")) and (included.endswith(".hpp") or (system and "." not in included)):
        yield f"{name}:{line}: {included} is C++, this file is read by BPF C"


def check_users(name, line, included):
    if name.startswith("test/"):
        return
    for pattern, allowed in USERS.items():
        if re.match(pattern, included) and not name.startswith(allowed) and not name.startswith("bpf/"):
            yield f"{name}:{line}: {included} may be used in {', '.join(allowed)} only"


def check_using(name, text):
    if not name.endswith(".cpp"):
        return
    for match in USING.finditer(text):
        if len(re.findall(rf"\b{match.group(1)}\b", text)) < 2:
            line = text.count("\n", 0, match.start(1)) + 1
            yield f"{name}:{line}: {match.group(1)} is declared by using and not used"


def check_map_names():
    for path in sorted((TOP / "bpf").rglob("*.[ch]")):
        text = path.read_text()
        for match in re.finditer(r"\}\s*(\w+)\s+(?:__weak\s+)?SEC\(\"\.maps\"\)", text):
            if len(match.group(1)) > MAP_NAME_LIMIT:
                line = text.count("\n", 0, match.start(1)) + 1
                yield f"{path.relative_to(TOP)}:{line}: map name {match.group(1)} has more than {MAP_NAME_LIMIT} characters"
    maps = (TOP / "include/meshd/maps.h").read_text()
    for match in re.finditer(r"^\s*X\((\w+)", maps, re.MULTILINE):
        if len(match.group(1)) > MAP_NAME_LIMIT:
            line = maps.count("\n", 0, match.start(1)) + 1
            yield f"include/meshd/maps.h:{line}: map name {match.group(1)} has more than {MAP_NAME_LIMIT} characters"


# A prefix of the metrics of a process, whose names are put together elsewhere.
METRIC_PREFIXES = {"meshd_worker"}


def check_metrics():
    """docs/metrics.md has every metric that the code names."""
    told = set(re.findall(r"`(meshd_\w+)", (TOP / "docs/metrics.md").read_text()))
    for folder in ("agent", "userspace"):
        for path in sorted((TOP / folder).rglob("*.cpp")):
            text = path.read_text()
            for match in re.finditer(r'"(meshd_[a-z0-9_]+)"', text):
                if match.group(1) not in told | METRIC_PREFIXES:
                    line = text.count("\n", 0, match.start(1)) + 1
                    yield f"{path.relative_to(TOP)}:{line}: docs/metrics.md does not have {match.group(1)}"


def check_licence(name, text):
    if "SPDX-License-Identifier:" not in "\n".join(text.splitlines()[:3]):
        yield f"{name}:1: no SPDX-License-Identifier line"


def problems():
    for path in files():
        name = str(path.relative_to(TOP))
        text = path.read_text()
        yield from check_licence(name, text)
        if path.suffix in {".py", ".sh"}:
            continue
        yield from check_using(name, text)
        for line, system, included in includes(text):
            yield from check_direction(name, line, included)
            yield from check_contract(name, line, system, included)
            yield from check_users(name, line, included)
    yield from check_map_names()
    yield from check_metrics()


def main():
    found = list(problems())
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
