# SPDX-License-Identifier: Apache-2.0
"""The machine that measures: what it is, and whether it has time for this."""

import os
import pathlib
import platform
import subprocess
import time

TOP = pathlib.Path(__file__).resolve().parents[2]


def _first_line(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10, stdin=subprocess.DEVNULL)
    except OSError:
        return ""
    return (done.stdout + done.stderr).strip().split("\n")[0] if done.returncode in (0, 1) else ""  # `wrk -v` ends with 1


def _cpu():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(("model name", "CPU part")):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _read(path):
    try:
        return pathlib.Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _distribution():
    for line in _read("/etc/os-release").splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.split("=", 1)[1].strip('"')
    return "unknown"


def _cores():
    """Without the second threads of a core, where /proc/cpuinfo tells them apart."""
    places = {(block.get("physical id"), block["core id"]) for block in
              (dict(map(str.strip, line.split(":", 1)) for line in text.splitlines() if ":" in line)
               for text in _read("/proc/cpuinfo").split("\n\n")) if "core id" in block}
    return len(places) or os.cpu_count()


def _virtualization():
    """`none` on bare metal."""
    if name := _first_line("systemd-detect-virt"):
        return name
    return "a hypervisor" if " hypervisor" in _read("/proc/cpuinfo") else "none"


def _governor():
    return _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") or "none"


def description(meshctl):
    return {"kernel": platform.release(), "distribution": _distribution(), "architecture": platform.machine(), "cpu": _cpu(), "cpus": os.cpu_count(),
            "cores": _cores(), "virtualization": _virtualization(), "governor": _governor(),
            "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
            "commit": _first_line("git", "-C", str(TOP), "describe", "--always", "--dirty") or "unknown",
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "versions": {"meshd": _first_line(str(meshctl), "--version"), "nginx": _first_line("nginx", "-v"),
                         "haproxy": _first_line("haproxy", "-v"), "nft": _first_line("nft", "--version"),
                         "wrk": _first_line("wrk", "-v"), "bpftool": _first_line("bpftool", "version"), "openssl": _first_line("openssl", "version")}}


def _ticks():
    fields = [int(field) for field in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return sum(fields) - fields[3] - fields[4], sum(fields)  # all but idle and iowait


def busy_seconds():
    """CPU time that all of the machine has spent."""
    return _ticks()[0] / os.sysconf("SC_CLK_TCK")


def busy_share(seconds=2.0):
    """How much of all CPUs' time was used while this process slept."""
    busy, total = _ticks()
    time.sleep(seconds)
    busy_after, total_after = _ticks()
    return (busy_after - busy) / max(1, total_after - total)


def wait_for_quiet(limit=0.05, patience=30):
    """The last measured share when it stays over the limit, else None."""
    deadline = time.monotonic() + patience
    while (share := busy_share()) > limit:
        if time.monotonic() > deadline:
            return share
    return None


def cpu_seconds(pid):
    """CPU time of all threads of a process, to the nanosecond."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def resident_mb(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"process {pid} has no VmRSS")
