# SPDX-License-Identifier: Apache-2.0
"""Flows to a collector of OpenTelemetry: what arrives, by its own definitions, and collectors that misbehave."""

import shutil

import pytest

from harness import otlp
from harness.flow_log import Logged
from harness.otlp import Collector
from harness.process import wait_until

QUICK = {"records": 512, "interval": "100ms"}


def to(collector, **more):
    return {"otlp": {"endpoint": f"http://127.0.0.1:{collector.port}", "batch": QUICK} | more}


@pytest.fixture
def collector(world):
    return world.keep(Collector())


def wait_records(logged, collector, count, timeout=10):
    wait_until(lambda: len(collector.records()) >= count, lambda: f"{count} records; there are {len(collector.records())}, "
               f"{collector.problems}, {logged.agent.status()['degraded']}", timeout)
    assert collector.problems == []
    return collector.records()


def test_records_are_what_clients_did(world, collector):
    logged = Logged(world, to(collector, headers={"X-Scope-OrgID": "tenant-1"}))
    clients = {logged.connect(size): size for size in (1, 1000, 70_001)}
    logged.be_refused()
    records = wait_records(logged, collector, 4)
    ended = {f"{one['source.address']}:{one['source.port']}": one for one in (record["attributes"] for record in records) if "source.address" in one}
    assert {client: (int(one["meshd.flow.bytes_out"]), int(one["meshd.flow.bytes_in"])) for client, one in ended.items()} == {
        client: (size, size + 4) for client, size in clients.items()}
    for one in ended.values():
        assert (one["network.transport"], one["network.type"], one["meshd.service.name"]) == ("tcp", "ipv4", "line")
        assert (one["destination.address"], one["destination.port"]) == ("127.0.0.1", str(logged.echo.port))
        assert (one["meshd.service.address"], one["meshd.service.port"]) == ("10.96.0.80", "80")
        assert one["process.linux.cgroup"].endswith(world.cgroup.path.name)
    refused = next(record for record in records if record["severityText"] == "WARN")
    assert refused["attributes"]["error.type"] == "no_backend" and refused["eventName"] == "meshd.flow.refused"
    resource = collector.resource()
    assert resource["service.name"] == "meshd" and resource["host.name"] and resource["service.version"]
    assert collector.heads[0]["X-Scope-OrgID"] == "tenant-1"
    assert logged.metric("records_total", exporter="otlp") == 4


def test_requests_are_as_opentelemetry_defines_them(world, collector):
    if not otlp.DEFINITIONS.is_dir() or shutil.which("node") is None:
        pytest.skip("scripts/install-dependencies.sh test could not install OpenTelemetry's definitions")
    logged = Logged(world, to(collector, events=["opened", "closed", "refused"]))
    logged.connect()
    logged.be_refused()
    wait_records(logged, collector, 3)
    assert collector.check_against_definitions() == len(collector.bodies) > 0
    collector.bodies[0]["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]["severity"] = 9
    with pytest.raises(AssertionError, match="not as OTLP defines it"):
        collector.check_against_definitions()


def test_a_batch_is_no_larger_than_asked_for(world, collector):
    logged = Logged(world, to(collector, batch={"records": 7, "interval": "1s"}))
    for _ in range(50):
        logged.connect(1)
    wait_records(logged, collector, 50)
    sizes = [len(body["resourceLogs"][0]["scopeLogs"][0]["logRecords"]) for body in collector.bodies]
    assert max(sizes) == 7 and sum(sizes) == 50


def test_a_collector_that_misbehaves_gets_everything_once(world, collector):
    collector.plan = [otlp.answer(503, Retry_After=1), otlp.hang_up, otlp.talk_garbage, otlp.answer(429), otlp.answer(502, b"x" * 1_000_000)]
    logged = Logged(world, to(collector))
    clients = [logged.connect(1) for _ in range(20)]
    problem = wait_until(lambda: logged.degraded("flow export"), "a degradation")
    assert f":{collector.port}/v1/logs" in problem["reason"]
    clients += [logged.connect(1) for _ in range(20)]
    records = wait_records(logged, collector, 40, timeout=60)
    assert sorted(f"{one['attributes']['source.address']}:{one['attributes']['source.port']}" for one in records) == sorted(clients)
    wait_until(lambda: logged.degraded("flow export") is None, "the export to recover")
    # libcurl itself asks again where a connection that it has kept open was closed.
    assert logged.metric("retries_total", exporter="otlp") in (4, 5)
    # The collector has the last batch a moment before the exporter has its answer.
    wait_until(lambda: logged.metric("records_total", exporter="otlp") == 40, "every record to be counted once")
    assert logged.metric("last_error_timestamp_seconds", exporter="otlp") > 0


def test_what_a_collector_refuses_is_counted_and_not_sent_again(world, collector):
    collector.plan = [otlp.answer(400, b'{"message":"too old"}'), otlp.partial(1)]
    logged = Logged(world, to(collector, batch={"records": 3, "interval": "5m"}))
    for _ in range(3):
        logged.connect(1)
    problem = wait_until(lambda: logged.degraded("flow export"), "a degradation")
    assert "status 400" in problem["reason"] and "too old" in problem["reason"]
    assert logged.metric("dropped_total", exporter="otlp", reason="refused") == 3
    for _ in range(3):
        logged.connect(1)
    wait_until(lambda: logged.metric("dropped_total", exporter="otlp", reason="refused") == 4, "one more to be rejected")
    assert "rejected some of them (too old)" in logged.degraded("flow export")["reason"]
    for _ in range(3):
        logged.connect(1)
    wait_until(lambda: logged.degraded("flow export") is None, "the export to recover")
    assert len(collector.heads) == 3 and logged.metric("records_total", exporter="otlp") == 5


def test_a_wrong_address_is_told_with_a_remedy(world, collector):
    collector.plan = [otlp.answer(404)]
    logged = Logged(world, to(collector))
    logged.connect(1)
    problem = wait_until(lambda: logged.degraded("flow export"), "a degradation")
    assert "status 404" in problem["reason"] and "/v1/logs is put behind it" in problem["remedy"]


def test_a_queue_that_is_full_loses_the_youngest_and_counts_them(world, collector):
    port = collector.port
    collector.close = lambda: None
    collector.server.shutdown()
    collector.server.server_close()  # nobody listens there
    logged = Logged(world, {"otlp": {"endpoint": f"http://127.0.0.1:{port}", "queue": 10, "batch": {"records": 5, "interval": "100ms"}}})
    problem = wait_until(lambda: logged.connect(1) and logged.degraded("flow export"), "a degradation")
    assert "Failed to connect" in problem["reason"] or "Couldn't connect" in problem["reason"]
    for _ in range(60):
        logged.connect(1)
    wait_until(lambda: logged.metric("queue_records", exporter="otlp") == 10, "a full queue")
    assert logged.metric("queue_max_records", exporter="otlp") == 10
    wait_until(lambda: logged.metric("dropped_total", exporter="otlp", reason="queue_full") >= 60 + 1 - 15, lambda: f"the loss\n{logged.agent.metrics()}")
    assert logged.metric("records_total", exporter="otlp") == 0


def test_what_waits_survives_a_change_of_the_settings(world, collector):
    logged = Logged(world, to(collector, batch={"records": 100, "interval": "5m"}))
    client = logged.connect(1)
    wait_until(lambda: logged.metric("queue_records", exporter="otlp") == 1, "a record to wait")
    logged.configure(to(collector))
    records = wait_records(logged, collector, 1)
    assert client.endswith(":" + records[0]["attributes"]["source.port"])


def test_what_waits_is_sent_at_the_end(world, collector):
    logged = Logged(world, to(collector, batch={"records": 100, "interval": "5m"}))
    logged.connect(1)
    wait_until(lambda: logged.metric("queue_records", exporter="otlp") == 1, "a record to wait")
    logged.agent.stop()
    wait_records(logged, collector, 1)


def test_a_slow_collector_holds_up_nobody(world, collector):
    release = []

    def slow(handler):
        wait_until(lambda: release, "the test to go on", timeout=30)
        return otlp.accept(handler)
    collector.plan = [slow]
    logged = Logged(world, lambda logged: to(collector) | {"log": {"file": str(logged.file)}})
    logged.connect(1)
    wait_until(lambda: not collector.plan, "a request that waits for its answer")
    clients = [logged.connect(1) for _ in range(10)]
    logged.wait_rows(lambda rows: {row["client"] for row in rows} >= set(clients), "the log to go on")
    logged.configure(to(collector, sample=0.5))  # the request is given up, at once
    wait_until(lambda: logged.metric("records_total", exporter="log") is None, "the settings to be in force", timeout=5)
    release.append(True)


def test_certificates_are_checked(world):
    authority, certificate, key = otlp.make_certificates(world.place.root, "right")
    other, _, _ = otlp.make_certificates(world.place.root, "wrong")
    collector = world.keep(Collector(tls=(certificate, key)))

    def settings(ca):
        return {"otlp": {"endpoint": f"https://127.0.0.1:{collector.port}", "ca": str(ca), "batch": QUICK}}
    logged = Logged(world, settings(other))
    client = logged.connect(1)
    problem = wait_until(lambda: logged.degraded("flow export"), "a degradation")
    assert "certificate" in problem["reason"] and '"ca"' in problem["remedy"]
    assert collector.bodies == []
    logged.configure(settings(world.place.root / "none.pem"))
    wait_until(lambda: "none.pem" in (logged.degraded("flow export") or {"reason": ""})["reason"], "the missing file to be told of")
    logged.configure(settings(authority))
    records = wait_records(logged, collector, 1)
    assert client.endswith(":" + records[0]["attributes"]["source.port"])
    wait_until(lambda: logged.degraded("flow export") is None, "the export to recover")
