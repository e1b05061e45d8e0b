# SPDX-License-Identifier: Apache-2.0
"""The log of flows: what stands in it, rotation, and files that cannot be written."""

import collections
import json
import os
import shutil
import signal

import pytest

from harness.flow_log import Logged
from harness.process import Process, freeze, wait_until


def log(**more):
    return lambda logged: {"log": {"file": str(logged.file)} | more}


def by_client(rows):
    return {row["client"]: row for row in rows if row["event"] == "ended"}


def connect_many(logged, count, size=10):
    return [logged.connect(size) for _ in range(count)]


def test_lines_are_what_clients_did(world):
    logged = Logged(world, log())
    clients = {logged.connect(size): size for size in (1, 1000, 70_001)}
    logged.be_refused()
    rows = logged.wait_rows(lambda rows: len(rows) == 4, "four lines")
    assert {client: (row["bytes_out"], row["bytes_in"]) for client, row in by_client(rows).items()} == {
        client: (size, size + 4) for client, size in clients.items()}
    for row in by_client(rows).values():
        assert (row["service"], row["state"], row["source"], row["reason"]) == ("line", "closed", "client", "")
    refused = next(row for row in rows if row["event"] == "refused")
    assert (refused["service"], refused["server"], refused["reason"]) == ("empty", "10.96.0.81:80", "no_backend")
    assert len({row["id"] for row in rows}) == 4 and all(len(row["id"]) == 16 for row in rows)
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    assert logged.file.stat().st_mode & 0o777 == 0o640
    assert logged.metric("records_total", exporter="log") == 4


def test_lines_are_the_objects_of_flow_watch(world):
    logged = Logged(world, log(events=["opened", "closed", "refused"]))
    output = world.place.root / "watch.log"
    watching = Process([logged.agent.binaries / "meshctl", "--socket", world.place.socket, "flow", "watch", "-o", "json"], output)
    try:
        def heard():  # the watcher's first question has been asked
            logged.connect()
            return output.read_text().count("\n") >= 2
        wait_until(heard, "the watcher to be heard")
        logged.connect()
        logged.be_refused()
        wait_until(lambda: '"refused"' in output.read_text(), "the refusal to be watched")
    finally:
        watching.stop()

    # What depends on when it was asked for; the clocks of the kernel and of the wall are compared anew each time.
    def told(row):
        return {key: value for key, value in row.items() if key not in ("time", "age_ms")}
    watched = [told(json.loads(line)) for line in output.read_text().splitlines()]
    rows = logged.wait_rows(lambda rows: any(row["event"] == "refused" for row in rows), "the refusal")
    assert watched and watched == [told(row) for row in rows][-len(watched):]
    assert [list(row) for row in rows][-1] == list(json.loads(output.read_text().splitlines()[-1]))


def test_rotation_under_load_loses_nothing(world):
    logged = Logged(world, log(events=["opened", "closed"], rotate={"size": "64KiB", "keep": 1000}))
    clients = connect_many(logged, 2000)
    logged.wait_rows(lambda rows: len(rows) >= 4000, "two lines for each connection", timeout=30)
    rows = logged.rows()
    counts = collections.Counter((row["event"], row["id"]) for row in rows)
    assert len(rows) == 4000 and set(counts.values()) == {1}
    assert collections.Counter(row["client"] for row in rows if row["event"] == "ended") == collections.Counter(clients)
    assert len(logged.files()) > 10
    assert all(path.stat().st_size <= 65536 for path in logged.files())
    # Younger files have younger lines.
    last = [logged.rows(logged.directory / f"flows.jsonl.{number}")[-1]["time"] for number in range(1, 10)]
    assert last == sorted(last, reverse=True)
    assert logged.metric("dropped_total", exporter="log", reason="untold") == 0
    assert logged.metric("dropped_total", exporter="log", reason="queue_full") == 0


def test_no_more_files_are_kept_than_asked_for(world):
    logged = Logged(world, log(rotate={"size": "64KiB", "keep": 2}))
    connect_many(logged, 600)
    wait_until(lambda: logged.metric("records_total", exporter="log") == 600, "all lines to be written")
    assert [path.name for path in logged.files()] == ["flows.jsonl", "flows.jsonl.1", "flows.jsonl.2"]


def test_a_file_put_aside_by_somebody_else_is_let_go_at_sighup(world):
    logged = Logged(world, log())
    logged.connect()
    logged.wait_rows(lambda rows: len(rows) == 1, "a line")
    aside = logged.directory / "aside"
    logged.file.rename(aside)
    logged.connect()
    wait_until(lambda: len(logged.rows(aside)) == 2, "the file to be written on under its new name")
    logged.agent.reload()
    wait_until(logged.file.exists, "a new file")
    logged.connect()
    logged.wait_rows(lambda rows: len(rows) == 1, "the new file to be written to")
    assert len(logged.rows(aside)) == 2


def test_a_directory_that_is_missing_is_told_and_costs_nothing(world):
    logged = Logged(world, lambda logged: {"log": {"file": str(logged.directory / "deeper/flows.jsonl")}})
    problem = wait_until(lambda: logged.degraded("flow log"), "a degradation")
    assert "No such file or directory" in problem["reason"] and "install -d -o nobody" in problem["remedy"]
    assert "flow log" in logged.agent.meshctl("status", check=False).stdout
    client = logged.connect()
    deeper = logged.directory / "deeper"
    deeper.mkdir()
    wait_until(lambda: "Permission denied" in (logged.degraded("flow log") or {"reason": ""})["reason"], "the owner to be told of")
    logged.give_to_worker(deeper)
    wait_until(lambda: logged.degraded("flow log") is None, "the log to recover")
    wait_until(lambda: [row["client"] for row in logged.rows(deeper / "flows.jsonl")] == [client], "what waited to be written")


def test_a_full_disk_is_told_and_recovered_from(world):
    logged = Logged(world, lambda logged: {"log": {"file": str(logged.directory / "small/flows.jsonl")}})
    small = logged.directory / "small"
    small.mkdir()
    world.place.mount("tmpfs", "none", small, "-o", "size=64k,mode=777")
    file = small / "flows.jsonl"
    wait_until(lambda: file.exists() and logged.degraded("flow log") is None, "the file")
    filler = small / "filler"
    descriptor = os.open(filler, os.O_WRONLY | os.O_CREAT)
    with pytest.raises(OSError, match="No space left"):
        for _ in range(100):
            os.write(descriptor, b"x" * 4096)
    os.close(descriptor)
    clients = [logged.connect() for _ in range(30)]
    problem = wait_until(lambda: logged.degraded("flow log"), "a degradation")
    assert "No space left" in problem["reason"] and "make room" in problem["remedy"]
    assert logged.rows(file) == [], "no part of a line"
    filler.unlink()
    wait_until(lambda: logged.degraded("flow log") is None, "the log to recover")
    wait_until(lambda: sorted(row["client"] for row in logged.rows(file)) == sorted(clients), "what waited to be written")
    assert logged.metric("last_error_timestamp_seconds", exporter="log") > 0
    assert logged.metric("retries_total", exporter="log") > 0


def test_events_of_a_flow_are_in_or_out_together(world):
    logged = Logged(world, log(events=["opened", "closed", "refused"], sample=0.5))
    clients = connect_many(logged, 400)
    for _ in range(100):
        logged.be_refused()
    wait_until(lambda: (logged.metric("records_total", exporter="log") or 0) + logged.metric("left_out_total", exporter="log") == 900,
               lambda: f"900 events to be written or left out:\n{logged.agent.metrics()}")
    rows = logged.rows()
    assert len(rows) == logged.metric("records_total", exporter="log")
    flows = collections.defaultdict(set)
    for row in rows:
        flows[row["id"]].add(row["event"])
    whole = [events for events in flows.values() if events == {"opened", "ended"}]
    refused = [events for events in flows.values() if events == {"refused"}]
    assert len(whole) + len(refused) == len(flows)
    # Six standard deviations.
    assert abs(len(whole) - len(clients) / 2) < 60 and 20 < len(refused) < 80


def test_the_log_is_turned_on_and_off_while_the_agent_runs(world):
    logged = Logged(world, {})
    logged.connect()
    assert logged.files() == [] and logged.metric("records_total", exporter="log") is None
    logged.configure(log())
    wait_until(logged.file.exists, "the file")
    client = logged.connect()
    rows = logged.wait_rows(lambda rows: len(rows) == 1, "a line")
    assert rows[0]["client"] == client
    logged.configure({})
    wait_until(lambda: logged.metric("records_total", exporter="log") is None, "the log to end")
    logged.connect()
    assert len(logged.rows()) == 1
    assert logged.degraded("configuration") is None


def test_standard_output_takes_lines(world):
    logged = Logged(world, {"log": {"file": "stdout"}})
    client = logged.connect()
    wait_until(lambda: f'"client":"{client}"' in logged.agent.output(), "a line in the agent's output")


def test_a_new_worker_goes_on(world):
    logged = Logged(world, log())
    before = logged.agent.worker_pid()
    os.kill(before, signal.SIGKILL)
    logged.agent.wait_status(lambda status: status["worker"]["state"] == "running" and status["worker"]["pid"] != before, "a new worker")
    wait_until(lambda: (logged.connect(), logged.rows())[1], "a line of the new worker")


def test_what_happens_between_two_agents_is_logged(world):
    logged = Logged(world, log())
    logged.agent.stop()
    client = logged.connect()
    logged.agent.start()
    rows = logged.wait_rows(lambda rows: len(rows) == 1, "the line")
    assert rows[0]["client"] == client


def test_a_stopped_worker_holds_up_nobody(world):
    logged = Logged(world, log())
    freeze(logged.agent.worker_pid())
    try:
        connect_many(logged, 500)
        assert logged.agent.status()["worker"]["state"] == "running"
    finally:
        os.kill(logged.agent.worker_pid(), signal.SIGCONT)
    logged.wait_rows(lambda rows: len(rows) == 500, "all lines", timeout=20)
    shutil.rmtree(logged.directory)  # also a file that is written to
    logged.directory.mkdir()
    logged.give_to_worker(logged.directory)
    wait_until(lambda: (logged.connect(), logged.rows())[1], "a file that is made anew")
