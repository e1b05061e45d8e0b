# SPDX-License-Identifier: Apache-2.0
"""What the short way brings, against direct TCP, a unix-domain socket and HAProxy in between; and what it costs where it brings
nothing."""

import json
import statistics

import acceleration_memory
from acceleration_setup import Setup
from harness.place import build_directory
from harness.process import run
from report import Result, added, at_most, compared, spread

NAME = "acceleration"
SHORT, DIRECT, UNIX, ORDINARY = "short way", "direct", "unix socket", "service, not short"
HAPROXY, HAPROXY_SHORT = "HAProxy TCP", "HAProxy short"

SAME_CORE_BAR, OTHER_CORE_BAR, UNIX_BAR, P99_BAR = 0.65, 0.92, 0.95, 1.0
REQUEST_BARS = {"12 B": 1.5, "20 KB": 1.2, "1 MB": 2.5}
HAPROXY_BAR, PROXY_BAR, SHORT_CONNECTION_BAR = 2.0, 2.0, 0.97
STREAM_BAR, OUTRUN_BAR, SLOW_BAR = 1.3, 0.95, 0.95
MEMORY_BAR_BYTES = 1024

PINGPONG_TURNS, PINGPONG_COUNT = 11, 4000
REQUEST_TURNS, OUTRUN_TURNS, STREAM_TURNS, SLOW_TURNS, MEMORY_TURNS = 7, 10, 7, 5, 3
WORK_US = 20  # for each 64 KB: plain TCP brings them in 12 to 20
CPU, OTHER_CPU = 0, 1
PATHS = {"12 B": "/tiny", "20 KB": "/file0", "1 MB": "/file1"}
SLOW_SIZES = {"file1": "1 MB", "file2": "12 MB"}
SLOW = ("--slow", 32, "--connections", 32, "--piece", 4096, "--receive-buffer", 65536, "--per-connection", 1)


def ratio_at_most(case, metric, unit, subject, values, peer, peer_values, most=None):
    """As report.compared, for what should be small."""
    found = compared(NAME, case, metric, unit, subject, values, peer, peer_values)
    if most is not None:
        found.bar, found.passed = most, found.ratio <= most
    return found


def tool(setup, name, *arguments):
    answer = run(build_directory() / name, *arguments, timeout=300, preexec_fn=setup.world.enter())
    return json.loads(answer.stdout)


def pingpong(setup, size, server_cpu):
    peers = [setup.tcp_peer(DIRECT, "direct"), setup.tcp_peer(SHORT, "ping-pong", setup.echo["ping-pong"]), setup.unix_peer(UNIX),
             setup.tcp_peer(HAPROXY, "haproxy", setup.echo_haproxy),
             setup.tcp_peer(HAPROXY_SHORT, "haproxy short", setup.echo_haproxy_short),
             setup.tcp_peer("no programs", "bare", cgroup=setup.bare),
             setup.tcp_peer("no programs again", "again", cgroup=setup.bare)]
    answer = tool(setup, "bench-pingpong", "--size", size, "--count", PINGPONG_COUNT, "--pairs", PINGPONG_TURNS,
                  "--client-cpu", CPU, "--server-cpu", server_cpu, *peers)
    return {one["name"]: one for one in answer["peers"]}


def pingpong_results(setup, note):
    for size, size_text in ((64, "64 B"), (16384, "16 KB")):
        for server_cpu, where, bar in ((CPU, "same core", SAME_CORE_BAR), (OTHER_CPU, "two cores", OTHER_CORE_BAR)):
            case = f"ping-pong {size_text}, {where}"
            note(case)
            measured = pingpong(setup, size, server_cpu)

            def us(name, metric):
                return [number / 1000 for number in measured[name][metric]]

            def against(subject, peer, metric, most=None):
                return ratio_at_most(case, metric.removesuffix("_ns"), "us", subject, us(subject, metric), peer, us(peer, metric),
                                     most)

            yield against(SHORT, DIRECT, "median_ns", bar)
            yield against(SHORT, UNIX, "median_ns", UNIX_BAR if server_cpu == CPU else None)
            yield against(SHORT, DIRECT, "p99_ns", P99_BAR)
            yield against(HAPROXY, DIRECT, "median_ns")
            yield against(HAPROXY_SHORT, HAPROXY, "median_ns")
            yield compared(NAME, case, "round_trips", "1/s", SHORT, measured[SHORT]["round_trips_per_s"], DIRECT,
                           measured[DIRECT]["round_trips_per_s"])
            yield from not_enrolled(case, us)


def not_enrolled(case, us):
    """The bound is what the same measurement finds between two ways that are the same."""
    base, again = us("no programs", "median_ns"), us("no programs again", "median_ns")
    noise = added(NAME, case, "median_added", "us", "no programs again", again, "no programs", base)
    bound = abs(noise.value) + noise.spread
    yield noise
    yield added(NAME, case, "median_added", "us", "direct, not enrolled", us(DIRECT, "median_ns"), "no programs", base, bound)


def requests_per_second(setup, to, path, *options):
    answer = run("wrk", "--threads", 2, "--connections", 32, "--duration", "1s", *options, f"http://{to}{path}", timeout=30,
                 preexec_fn=setup.world.enter())
    assert "Non-2xx" not in answer.stdout and "Socket errors" not in answer.stdout, answer.stdout
    return next(float(line.split()[1]) for line in answer.stdout.splitlines() if line.startswith("Requests/sec:"))


def in_turn(ways, turns, measure):
    """name -> values, each way once a turn, after one turn that does not count."""
    values = {name: [] for name in ways}
    for turn in range(turns + 1):
        for name, way in ways.items():
            value = measure(way)
            if turn > 0:
                values[name].append(value)
    return values


def request_results(setup, note):
    for body, path in PATHS.items():
        case = f"nginx and wrk, {body}"
        note(case)
        values = in_turn(setup.web_ways, REQUEST_TURNS, lambda to: requests_per_second(setup, to, path))
        for subject, peer, bar in ((SHORT, DIRECT, REQUEST_BARS[body]), (HAPROXY_SHORT, HAPROXY, HAPROXY_BAR),
                                   (HAPROXY, DIRECT, None), (HAPROXY_SHORT, DIRECT, None)):
            yield compared(NAME, case, "requests", "1/s", subject, values[subject], peer, values[peer], bar)

    case = "nginx as a proxy, 1 MB"
    note(case)
    values = in_turn(setup.proxy_ways, REQUEST_TURNS, lambda to: requests_per_second(setup, to, PATHS["1 MB"]))
    yield compared(NAME, case, "requests", "1/s", SHORT, values[SHORT], DIRECT, values[DIRECT], PROXY_BAR)

    case = "a connection for each request"
    note(case)
    ways = {DIRECT: setup.web_ways[DIRECT], SHORT: setup.web_ways[SHORT], ORDINARY: setup.web_ordinary}
    values = in_turn(ways, REQUEST_TURNS,
                     lambda to: requests_per_second(setup, to, PATHS["12 B"], "--header", "Connection: close"))
    yield compared(NAME, case, "requests", "1/s", SHORT, values[SHORT], DIRECT, values[DIRECT], SHORT_CONNECTION_BAR)
    yield compared(NAME, case, "requests", "1/s", SHORT, values[SHORT], ORDINARY, values[ORDINARY])
    yield compared(NAME, case, "requests", "1/s", ORDINARY, values[ORDINARY], DIRECT, values[DIRECT])


def streams(setup, kind, congestion, turns, *options):
    """name -> megabytes per second of each turn."""
    purpose = f"{kind}-{congestion}"
    peers = [setup.tcp_peer(DIRECT, "direct", congestion=congestion),
             setup.tcp_peer(SHORT, purpose, setup.echo[purpose], congestion=congestion), setup.unix_peer(UNIX)]
    answer = tool(setup, "bench-stream", "--pairs", turns, "--duration-ms", 700, "--writer-cpu", CPU, "--reader-cpu", OTHER_CPU,
                  *options, *peers)
    return {one["name"]: [rate / 1e6 for rate in one["bytes_per_s"]] for one in answer["peers"]}


def slowest(case, subject, values, peer, peer_values, bar=None):
    """The slowest turn against the peer's median."""
    median = statistics.median(peer_values)
    ratio = min(values) / median
    return Result(NAME, case, "slowest_turn", "MB/s", subject, min(values), peer, median, ratio, bar,
                  None if bar is None else ratio >= bar, spread(values), turns=values, peer_turns=peer_values)


def stream_results(setup, note):
    for congestion in setup.congestion_controls:
        barred = congestion == "cubic"
        case = f"stream, reader keeps up, {congestion}"
        note(case)
        values = streams(setup, "stream", congestion, STREAM_TURNS)
        yield compared(NAME, case, "throughput", "MB/s", SHORT, values[SHORT], DIRECT, values[DIRECT],
                       STREAM_BAR if barred else None)
        yield compared(NAME, case, "throughput", "MB/s", SHORT, values[SHORT], UNIX, values[UNIX])

        case = f"stream outruns its reader, {congestion}"
        note(case)
        values = streams(setup, "outrun", congestion, OUTRUN_TURNS, "--work-us", WORK_US)
        yield compared(NAME, case, "throughput", "MB/s", SHORT, values[SHORT], DIRECT, values[DIRECT])
        yield slowest(case, SHORT, values[SHORT], DIRECT, values[DIRECT], OUTRUN_BAR if barred else None)
        yield slowest(case, DIRECT, values[DIRECT], DIRECT, values[DIRECT])


def slow_reader_results(setup, note):
    """32 connections at once that each fetch a file once, with a small receive buffer, and read it in small pieces. 12 MB are
    more than TCP holds for a reader, so each of those transfers overflows."""
    for (name, server), ways in setup.slow_ways.items():
        case = f"slow readers of {SLOW_SIZES[name]}, {server}"
        note(case)
        before = counted(setup, "left", "opened")
        values = in_turn(ways, SLOW_TURNS, lambda to, name=name: fetched_per_second(setup, to, name))
        left, opened = (after - there for after, there in zip(counted(setup, "left", "opened"), before))
        yield compared(NAME, case, "transfers", "1/s", SHORT, values[SHORT], DIRECT, values[DIRECT], SLOW_BAR)
        yield at_most(NAME, case, "left_the_short_way", "% of connections", SHORT, 100 * left / max(1, opened))


def fetched_per_second(setup, to, name):
    return tool(setup, "bench-fetch", "--to", to, "--duration-ms", 1500, *SLOW, f"/{name}={setup.files[name]}")["transfers_per_s"]


def counted(setup, *keys):
    rows = setup.short.services().values()
    return [sum(row[key] for row in rows) for key in keys]


def memory_results(setup, note):
    case = f"{acceleration_memory.CONNECTIONS:,} idle connections"
    ports = setup.ports
    ways = {DIRECT: (ports["direct"], f"127.0.0.1:{ports['direct']}", False),
            ORDINARY: (ports["ordinary"], setup.echo_ordinary, False), SHORT: (ports["memory"], setup.echo["memory"], True)}
    measured = acceleration_memory.measure(setup, ways, MEMORY_TURNS, note)
    kernel, maps = ({name: [turn[column] for turn in turns] for name, turns in measured.items()} for column in (0, 1))
    yield added(NAME, case, "kernel_memory_added", "B", SHORT, kernel[SHORT], DIRECT, kernel[DIRECT], MEMORY_BAR_BYTES)
    yield added(NAME, case, "kernel_memory_added", "B", SHORT, kernel[SHORT], ORDINARY, kernel[ORDINARY])
    yield at_most(NAME, case, "map_memory", "B", SHORT, statistics.median(maps[SHORT]), spread=spread(maps[SHORT]), turns=maps[SHORT])
    yield at_most(NAME, "no connections", "map_memory", "MB", "all maps of the agent", setup.map_bytes_at_rest / 1e6)


PARTS = {"pingpong": pingpong_results, "requests": request_results, "streams": stream_results, "slow-readers": slow_reader_results,
         "memory": memory_results}


def run_case(note, wanted=()):
    setup = Setup(note)
    try:
        for name in wanted or PARTS:
            yield from PARTS[name](setup, note)
        if set(wanted or PARTS) == set(PARTS):
            setup.short.assert_taken()
    finally:
        setup.close()
