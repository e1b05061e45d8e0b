# SPDX-License-Identifier: Apache-2.0
"""The picture of the mesh, in headless Chromium: it shows what meshctl says, to those who may see it."""

import contextlib
import json
import os

import pytest

from harness import echo
from harness.agent import free_port
from harness.browser import Picture, browser  # noqa: F401
from harness.cgroup import Cgroup
from harness.process import Process, run, wait_until
from harness.registry import backend, service

with contextlib.suppress(ImportError):  # then the browser says why these tests are left out
    from selenium.webdriver.common.keys import Keys

pytestmark = pytest.mark.xdist_group("picture")  # one browser, not one for each process

WEB, DB, EMPTY = "10.96.0.80", "10.96.0.81", "10.96.0.82"
TOKEN = "correct-horse-battery-staple"


class Shown:
    """An agent with a picture, three services, and clients of them."""

    def __init__(self, world, **settings):
        self.world, self.port = world, free_port()
        self.configuration = world.place.root / "meshd.yaml"
        self.token_file = world.place.root / "picture.token"
        self.configure(settings)
        with world.entered():  # else nothing goes the short way
            self.echoes = [world.tcp_echo(name) for name in ("one", "two", "three")]
        services = [service("shop/web", WEB, 80, [backend("127.0.0.1", one.port) for one in self.echoes[:2]], balancing="round_robin") | {"acceleration": {"fionread": "accept"}},
                    service("db", DB, 5432, [backend("127.0.0.1", self.echoes[2].port)]) | {"acceleration": "off"},
                    service("empty", EMPTY, 80, [])]
        world.registry.write(*services)
        self.agent = world.agent("--config", self.configuration)
        self.agent.wait_applied(*services)

    def configure(self, settings):
        """JSON is YAML."""
        beside = self.configuration.with_suffix(".new")
        beside.write_text(json.dumps({"picture": {"listen": f"127.0.0.1:{self.port}"} | settings}))
        os.replace(beside, self.configuration)

    def get(self, path, *options):
        """Status, headers and body."""
        done = run("curl", "-sS", "-i", "--path-as-is", "--noproxy", "*", "--max-time", "10", *options, f"http://127.0.0.1:{self.port}{path}")
        head, _, body = done.stdout.partition("\n\n")
        lines = head.splitlines()
        headers = {name.lower(): text for name, _, text in (line.partition(": ") for line in lines[1:])}
        return int(lines[0].split()[1]), headers, body

    def wait_served(self):
        def answers():
            with contextlib.suppress(AssertionError):
                return self.get("/")[0] == 200
            return False
        wait_until(answers, lambda: f"the picture; the agent says\n{self.agent.output()}")
        return self


@pytest.fixture
def shown(world):
    return Shown(world).wait_served()


@pytest.fixture
def picture(shown, browser):  # noqa: F811
    browser.fresh()
    return Picture(browser, shown.port)


def talk(shown, connections):
    """Connections that stay, to the first two services, each with some bytes both ways, and one that is refused."""
    for address, port, count in ((WEB, 80, 3), (DB, 5432, 2)):
        for _ in range(count):
            client = connections.enter_context(echo.connect(shown.world, address, port))
            echo.read_line(client)
            client.sendall(b"x" * 1000)
            assert client.recv(1000)
    with pytest.raises(ConnectionRefusedError):
        echo.connect(shown.world, EMPTY, 80)


def number_in(text):
    """Of "1.5 KiB", "12 µs": in bytes or microseconds."""
    if text == "–":
        return 0
    number, unit = text.split()
    return float(number) * {"B": 1, "KiB": 1024, "MiB": 1 << 20, "µs": 1, "ms": 1e3, "s": 1e6}[unit]


def test_services_are_those_of_top(shown, picture):
    with contextlib.ExitStack() as connections:
        talk(shown, connections)
        picture.open("services")
        picture.press("span")
        picture.wait(lambda: [row["Open"] for row in picture.rows("services")] == ["2", "0", "3"], "what is open")
        picture.another_round()
        said = {row["service"]: row for row in shown.agent.meshctl_json("top", "--once")["services"]}
        rows = {row["Service"]: row for row in picture.rows("services")}
        assert set(rows) == {"shop/web", "db", "empty"} and set(said) <= set(rows)
        for name in said:
            have = {head: rows[name][head] for head in ("Open", "Opened", "Errors")}
            assert have == {"Open": str(said[name]["open"]), "Opened": str(said[name]["opened"]), "Errors": str(said[name]["errors"])}
            assert number_in(rows[name]["In"]) == pytest.approx(said[name]["bytes_in"], rel=0.06), rows[name]
            for quantile in ("p50", "p99"):
                text = rows[name]["Connect p50" if quantile == "p50" else "Connect p50 p99"]
                assert number_in(text) == pytest.approx(said[name][f"connect_{quantile}_us"] or 0, abs=1, rel=0.06), (name, text)
        assert rows["shop/web"]["Open"] == "3" and rows["db"]["Open"] == "2"
        for row in shown.agent.api.get("/v1/traffic")["services"]:
            short, all_bytes = (sum(row[f"{kind}_{way}"] for kind in kinds for way in ("out", "in")) for kinds in (("short",), ("short", "bytes")))
            assert rows[row["service"]]["Short way"] == (f"{100 * short / all_bytes:.0f} %" if short else "no")


def test_backends_are_those_of_the_list_with_their_reasons(shown, picture):
    first = f"shop/web/127.0.0.1:{shown.echoes[0].port}"
    picture.open("backends")
    picture.wait(lambda: len(picture.rows("backends")) == 3, "three backends")
    shown.agent.meshctl("backend", "drain", first)
    picture.wait(lambda: any(row["State"] == "drain" for row in picture.rows("backends")), "one that is drained")
    said = shown.agent.meshctl_json("backend", "list")["backends"]
    assert [(row["Service"], row["Backend"], row["State"], row["Share"]) for row in picture.rows("backends")] == sorted(
        (row["service"], f"{row['address']}:{row['backend_port']}", row["state"], f"{row['share'] * 100:.0f} %") for row in said)
    drained = next(row for row in picture.rows("backends") if row["State"] == "drain")
    assert drained["Why"] == next(row["reason"] for row in said if row["state"] == "drain") == "set by hand"
    # A head sorts, and again the other way; words filter.
    state = picture.at("#view-backends thead th:nth-child(4) button")
    state.click()
    assert [row["State"] for row in picture.rows("backends")] == ["drain", "ready", "ready"]
    state.click()
    assert [row["State"] for row in picture.rows("backends")] == ["ready", "ready", "drain"]
    picture.at("#filter").send_keys("SHOP drain")
    assert [row["State"] for row in picture.rows("backends")] == ["drain"]


def test_flows_and_events_are_those_that_meshctl_lists(shown, picture):
    with contextlib.ExitStack() as connections:
        talk(shown, connections)
        picture.open("flows")
        picture.wait(lambda: len(picture.rows("flows")) >= 5, "flows")
        picture.at("[name=service]").send_keys("db")
        picture.at("#flow-search [type=submit]").click()
        picture.wait(lambda: {row["Service"] for row in picture.rows("flows")} == {"db"}, "flows of db alone")
        said = shown.agent.meshctl_json("flow", "list", "--service", "db")["flows"]
        assert sorted((row["Client"], row["Server"], row["State"], row["Seen by"]) for row in picture.rows("flows")) == sorted(
            (row["client"], row["server"], row["state"], row["source"]) for row in said)
        assert len(said) >= 2
        picture.at("[name=address]").send_keys("web")
        picture.keys("\n")
        picture.wait(lambda: picture.at("#problem").is_displayed(), "why this is no address")
        assert "'web'" in picture.at("#problem").text and picture.at("#state").text == "ok"
    shown.agent.meshctl("backend", "drain", f"shop/web/127.0.0.1:{shown.echoes[0].port}")
    shown.agent.meshctl("backend", "ready", f"shop/web/127.0.0.1:{shown.echoes[0].port}")
    picture.press("tab-events")
    picture.wait(lambda: len([row for row in picture.rows("events") if row["What"] == "backend_state"]) == 2, "two events")
    said = shown.agent.meshctl_json("event", "list")["events"]
    assert sorted((row["Where"], row["Of"], row["Change"], row["Why"]) for row in picture.rows("events") if row["What"] == "backend_state") == sorted(
        (f"{row['service']} {row['port']}", row["backend"], f"{row['from']} → {row['to']}", row["cause"]) for row in said)
    assert {"agent", "worker", "services", "configuration"} <= {row["What"] for row in picture.rows("events")}
    assert picture.script("return document.querySelectorAll('#timeline i').length") == len(picture.rows("events"))


def test_graph_shows_who_talks_to_whom(shown, picture):
    with contextlib.ExitStack() as connections:
        talk(shown, connections)
        picture.open()
        client = f"/{shown.world.cgroup.path.name}"
        edge = (f"c {client}", "s shop/web")
        picture.wait(lambda: picture.edges().get(edge, {}).get("open") == 3, "three connections of the client")
        nodes, edges = picture.nodes(), picture.edges()
        assert {name for kind, name in nodes if kind == "service"} == set(shown.agent.services())
        assert edges[f"c {client}", "s db"]["open"] == 2
        for name in ("db", "shop/web"):
            flows = shown.agent.meshctl_json("flow", "list", "--service", name)["flows"]
            assert edges[f"c {client}", f"s {name}"]["short"] == any(flow["short_out"] + flow["short_in"] for flow in flows)
        ends = [f"127.0.0.1:{one.port}" for one in shown.echoes]
        assert sum(edges["s shop/web", f"b shop/web {end}"]["open"] for end in ends[:2]) == 3
        assert edges["s db", f"b db {ends[2]}"]["open"] == 2
        assert nodes["service", "empty"]["bad"] and "no usable backend" in nodes["service", "empty"]["label"]
        assert not nodes["service", "shop/web"]["bad"]
        # By keys: to the client, along its edge, to the table of what is chosen.
        picture.keys("1")
        assert picture.focus() == "graph"
        picture.keys(Keys.ARROW_DOWN, Keys.ARROW_RIGHT)
        chosen = next(name for (kind, name), node in picture.nodes().items() if node["chosen"])
        assert chosen in ("db", "shop/web") and picture.at("#details h2").text == chosen
        assert f"service {chosen}" in picture.script("return document.getElementById('announce').textContent")
        picture.keys(Keys.ENTER)
        picture.wait(lambda: [row["Service"] for row in picture.rows("services")] == [chosen], "its row")
        # What fails is marked, and what takes nothing.
        picture.press("tab-graph")
        shown.agent.meshctl("backend", "drain", f"db/{ends[2]}")
        picture.wait(lambda: picture.nodes()["backend", ends[2]]["bad"], "a backend that is drained")
        assert "drain" in picture.nodes()["backend", ends[2]]["label"]
    assert picture.log() == []


def test_everything_is_reached_by_keys(shown, picture):
    picture.open("services")
    picture.wait(lambda: len(picture.rows("services")) == 3, "three services")
    picture.keys("3")
    assert picture.focus() == "tab-backends" and picture.at("#view-backends").is_displayed() and not picture.at("#view-services").is_displayed()
    picture.wait(lambda: len(picture.rows("backends")) == 3, "three backends")
    picture.keys(Keys.ARROW_LEFT)
    assert picture.focus() == "tab-services" and picture.at("#tab-services").get_attribute("aria-selected") == "true"
    picture.keys("/")
    assert picture.focus() == "filter"
    picture.keys("db")
    assert [row["Service"] for row in picture.rows("services")] == ["db"]
    picture.keys(Keys.ESCAPE)
    assert len(picture.rows("services")) == 3
    # From the filter on, each press of Tab goes on through the page and never into nowhere.
    seen = []
    for _ in range(12):
        picture.keys(Keys.TAB)
        seen.append(picture.script("const at = document.activeElement; return at.id || at.textContent || at.tagName"))
    assert seen[:5] == ["span", "pause", "theme", "help-button", "tab-services"] and "BODY" not in seen
    picture.script("document.querySelector('#view-services tbody tr').focus()")
    picture.keys(Keys.ARROW_DOWN)
    assert picture.script("return document.activeElement.cells[0].textContent") == "empty"
    picture.keys("?")
    assert picture.at("#help").is_displayed()
    picture.keys(Keys.ESCAPE)
    picture.keys("p")
    assert picture.at("#pause").get_attribute("aria-pressed") == "true"


def test_colours_follow_the_system_and_who_looks(shown, picture):
    def paper():
        return picture.script("return getComputedStyle(document.body).backgroundColor")

    def is_dark():
        return sum(int(part) for part in paper()[4:-1].split(",")) < 3 * 64

    def prefer(scheme):
        picture.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})

    prefer("light")
    picture.open()
    picture.wait(lambda: picture.rounds() >= 1, "the picture")
    assert not is_dark()
    prefer("dark")
    picture.wait(is_dark, "dark colours")
    picture.keys("d")
    assert picture.at("#theme").text == "Colours: light" and not is_dark()
    picture.keys("d")
    prefer("light")
    assert picture.at("#theme").text == "Colours: dark" and is_dark()
    picture.driver.refresh()
    picture.wait(is_dark, "the choice of before")
    picture.keys("d")
    assert not is_dark()


def test_a_token_is_asked_for(world, browser):  # noqa: F811
    shown = Shown(world, token_file=str(world.place.root / "picture.token"))
    shown.token_file.write_text(TOKEN + "\n")
    shown.wait_served()
    browser.fresh()
    picture = Picture(browser, shown.port).open("services")
    for token, told in (("wrong-horse-battery-staple", True), (TOKEN, False)):
        picture.wait(lambda: picture.at("#token-dialog").is_displayed() and picture.focus() == "token", "the question for a token")
        picture.keys(token, Keys.ENTER)
        if told:
            picture.wait(lambda: "no token, or another one" in picture.at("#token-problem").text, "why this token is none")
    picture.wait(lambda: len(picture.rows("services")) == 3, "three services")
    assert not picture.at("#token-dialog").is_displayed()
    assert TOKEN not in picture.driver.page_source and TOKEN not in picture.driver.current_url
    # The same without a browser.
    assert shown.get("/v1/status")[0] == 401
    assert shown.get("/v1/status", "-H", "Authorization: Bearer nonsense")[0] == 401
    status, _, body = shown.get("/v1/services", "-H", f"Authorization: Bearer {TOKEN}")
    assert status == 200 and {item["name"] for item in json.loads(body)["services"]} == set(shown.agent.services())
    # One that goes is missed, and one that comes is taken.
    shown.token_file.unlink()
    assert shown.get("/v1/status", "-H", f"Authorization: Bearer {TOKEN}")[0] == 503
    shown.agent.wait_status(lambda status: any(one["feature"] == "picture" for one in status["degraded"]), "a picture that is degraded")
    shown.token_file.write_text("another-token-of-some-length")
    assert shown.get("/v1/status", "-H", "Authorization: Bearer another-token-of-some-length")[0] == 200
    shown.agent.wait_status(lambda status: status["degraded"] == [], "nothing that is degraded")


def test_answers_are_those_of_the_control_socket_and_nothing_more(shown):
    for path in ("/v1/version", "/v1/services", "/v1/backends", "/v1/events?limit=5", "/v1/certificates", "/v1/registries"):
        status, headers, body = shown.get(path)
        assert status == 200 and headers["content-type"] == "application/json" and headers["cache-control"] == "no-store"
        assert json.loads(body) == shown.agent.api.get(path)
    assert shown.get("/v1/flows?state=nonsense")[0] == 400
    for path in ("/v1/maps", "/v1/identities", "/v1/backend-state", "/v1/connections", "/etc/passwd", "/../../etc/passwd", "/page/main.js"):
        assert shown.get(path)[0] == 404, path
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert shown.get("/v1/reconcile", "-X", method)[0] == 405
    for host in ("evil.example", f"evil.example:{shown.port}", "127.0.0.1.evil.example"):
        assert shown.get("/", "-H", f"Host: {host}")[0] == 403, host
        assert shown.get("/v1/status", "-H", f"Host: {host}")[0] == 403, host
    assert shown.get("/v1/status", "-H", "Sec-Fetch-Site: cross-site")[0] == 403
    _, headers, _ = shown.get("/")
    assert headers["x-content-type-options"] == "nosniff" and "unsafe" not in headers["content-security-policy"]
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")


def test_another_worker_goes_on_with_it(shown, picture):
    picture.open("services")
    picture.wait(lambda: len(picture.rows("services")) == 3, "three services")
    before = shown.agent.worker_pid()
    shown.agent.meshctl("worker", "replace")
    assert shown.agent.worker_pid() != before
    picture.another_round()
    picture.wait(lambda: not picture.at("#problem").is_displayed(), "an answer of the new worker")


def test_it_is_off_unless_it_is_wanted_and_never_open_without_a_token(shown):
    shown.configuration.write_text(json.dumps({"picture": {"listen": f"0.0.0.0:{shown.port}"}}))
    status = shown.agent.wait_status(lambda status: any(one["feature"] == "configuration" for one in status["degraded"]) and status, "a refusal")
    assert "without a token" in status["degraded"][0]["reason"]
    assert shown.get("/v1/status")[0] == 200
    shown.configuration.write_text("log: {level: debug}\n")

    def is_gone():
        return run("curl", "-s", "--noproxy", "*", f"http://127.0.0.1:{shown.port}/", check=False).returncode == 7

    wait_until(is_gone, lambda: f"the picture to be off; the agent says\n{shown.agent.output()}")


FRAMES = """
const done = arguments[arguments.length - 1];
const { cy } = document.getElementById('graph')._cyreg;
const times = [];
let last = performance.now();
function frame(now) {
  times.push(now - last);
  last = now;
  cy.panBy({ x: times.length % 2 ? 7 : -7, y: 3 });
  if (times.length < 60) requestAnimationFrame(frame);
  else done(times.slice(1).sort((a, b) => a - b));
}
requestAnimationFrame(frame);
"""


def test_a_thousand_services_are_shown(world, browser, record_property):  # noqa: F811
    shown = Shown(world)
    many = [service(f"many/s{n:04}", f"10.97.{n // 250}.{n % 250 + 1}", 80, [backend("127.0.0.1", 20000 + n)]) for n in range(1000)]
    world.registry.write(*many)
    shown.agent.wait_applied(*many, timeout=60)
    shown.wait_served()
    browser.fresh()
    picture = Picture(browser, shown.port).open()
    picture.wait(lambda: len([1 for kind, _ in picture.nodes() if kind == "service"]) == 1000, "a thousand nodes")
    frames = picture.driver.execute_async_script(FRAMES)
    record_property("frame_ms_p50_p99", f"{frames[len(frames) // 2]:.1f} {frames[-1]:.1f}")
    print(f"frames while a thousand services are moved: p50 {frames[len(frames) // 2]:.1f} ms, the longest {frames[-1]:.1f} ms")
    picture.at("#filter").send_keys("s0999")
    assert [name for (_, name), node in picture.nodes().items() if not node["dim"]] == ["many/s0999"]
    picture.press("tab-backends")
    picture.wait(lambda: [row["Service"] for row in picture.rows("backends")] == ["many/s0999"], "its backend")
    picture.press("tab-services")
    picture.at("#filter").send_keys(Keys.ESCAPE)
    picture.wait(lambda: len(picture.rows("services")) == 300, "the first of many")
    picture.at("#view-services > button").click()
    assert len(picture.rows("services")) == 600


# Modules of the page, with answers as docs/api.md has them.
MARKS = """
const [answers, done] = arguments;
Promise.all([import('/model.js'), import('/elements.js')]).then(([{ Mesh, quantile }, { elementsOf }]) => {
  const mesh = new Mesh();
  mesh.takeServices(answers.services);
  mesh.takeTraffic(answers.traffic);
  for (const flows of answers.flows) mesh.takeFlows(flows);
  const { nodes, edges } = elementsOf(mesh, { backends: true, chosen: null });
  done({
    nodes: [...nodes.values()], edges: [...edges.values()],
    quantiles: answers.histograms.map(([buckets, part]) => quantile(buckets, [16, 32, 64], part)),
  });
}).catch((error) => done(String(error)));
"""


def test_edges_say_what_is_encrypted_and_what_fails(shown, picture):
    def flow(client, name, state="established", **others):
        return {"protocol": "tcp", "client": client, "server": "10.2.0.2:80", "service": name, "state": state, "source": "client", "cgroup": "/a.slice/b.service",
                "bytes_out": 0, "bytes_in": 0, "short_out": 0, "short_in": 0} | others

    flows = [flow("10.0.0.1:1000", "far", via="127.0.3.1:15001"), flow("10.0.0.1:1001", "near", short_in=7), flow("10.0.0.1:1002", "near", "failed"),
             flow("[fd00::7]:1003", "near", source="forwarding", cgroup=""), flow("192.0.2.9:1004", "near", "closed", source="server")]
    services = [{"name": name, "status": "applied", "why": why, "ports": [{"port": 80, "protocol": "tcp"}]} | tls
                for name, why, tls in (("far", "", {"tls": {"mode": "mutual"}}), ("near", "the map is full", {}))]
    picture.open()
    picture.wait(lambda: picture.rounds() >= 1, "the page")
    made = picture.driver.execute_async_script(MARKS, {
        "services": {"services": services}, "traffic": {"services": [], "bucket_bounds_us": [16, 32, 64]}, "flows": [{"flows": flows}] * 2,
        "histograms": [([0, 0, 0, 0], 0.5), ([4, 0, 0, 0], 0.5), ([0, 1, 1, 0], 0.99), ([0, 0, 0, 3], 0.5)]})
    assert "edges" in made, made
    edges = {(edge["source"], edge["target"]): edge for edge in made["edges"]}
    far, near = edges["c /a.slice/b.service", "s far"], edges["c /a.slice/b.service", "s near"]
    assert far["tls"] and not far["short"] and not far["bad"] and far["label"] == "1 open · TLS"
    assert near["short"] and not near["tls"] and near["bad"] and near["label"] == "1 open · 1 failed · short way"
    assert edges["c [fd00::7]", "s near"]["open"] == 1 and edges["c 192.0.2.9", "s near"]["open"] == 0
    nodes = {node["id"]: node for node in made["nodes"]}
    assert nodes["s far"]["tls"] and not nodes["s near"]["tls"] and nodes["s near"]["bad"]
    assert nodes["c /a.slice/b.service"]["label"] == "b"
    # As `meshctl top` reads them.
    assert made["quantiles"] == [None, 8, pytest.approx(63.36), 64]


# Some connections that stay and some that come and go, with bytes both ways.
TALKER = """
import socket, sys, time
kept = [socket.create_connection((address, 80)) for address in sys.argv[1:]]
while True:
    for address, one in zip(sys.argv[1:], kept):
        one.sendall(b"x" * 30000)
        one.recv(65536)
        with socket.create_connection((address, 80)) as short:
            short.recv(64)
    time.sleep(0.05)
"""


@pytest.mark.skipif("MESHD_SCREENSHOTS" not in os.environ, reason="MESHD_SCREENSHOTS names no directory for the documentation's screenshots")
def test_screenshots(world, browser):  # noqa: F811
    """A small shop: clients in cgroups of their own, a backend that is drained, a service that has none."""
    shown = Shown(world).wait_served()
    numbers = {"shop/web": 3, "shop/cart": 2, "shop/payment": 1, "db/orders": 2, "db/users": 1, "mail": 0}
    addresses = {name: f"10.96.1.{number}" for number, name in enumerate(numbers, 1)}
    with world.entered():
        ends = {name: [world.tcp_echo(name) for _ in range(count)] for name, count in numbers.items()}
    services = [service(name, addresses[name], 80, [backend("127.0.0.1", end.port) for end in ends[name]], balancing="round_robin")
                | ({"acceleration": {"fionread": "accept"}} if name == "shop/cart" else {}) for name in numbers]
    world.registry.write(*services)
    shown.agent.wait_applied(*services)
    shown.agent.meshctl("backend", "drain", f"shop/web/127.0.0.1:{ends['shop/web'][2].port}")
    talks = {"ingress": ["shop/web"], "web": ["shop/cart", "shop/payment", "db/users"], "cart": ["db/orders"]}
    for name, whom in talks.items():
        group = world.keep(Cgroup(f"{name}.service", world.cgroup.path))
        world.keep(Process(["/usr/bin/python3", "-c", TALKER, *(addresses[one] for one in whom)], world.place.root / f"logs/{name}.log", enter=group.enter))
    browser.fresh()
    picture = Picture(browser, shown.port)
    picture.driver.set_window_size(1200, 800)
    for scheme in ("light", "dark"):
        picture.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
        picture.open()
        picture.driver.refresh()
        picture.wait(lambda: sum("/s" in (edge.get("label") or "") for edge in picture.edges().values()) >= 8, "rates")
        for _ in range(3):
            picture.another_round()
        drained = next(node["id"] for node in picture.nodes().values() if node["kind"] == "backend" and node["bad"])
        picture.script("document.getElementById('graph')._cyreg.cy.getElementById(arguments[0]).emit('tap')", drained)
        picture.driver.save_screenshot(f"{os.environ['MESHD_SCREENSHOTS']}/picture-{scheme}.png")
