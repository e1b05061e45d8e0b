# SPDX-License-Identifier: Apache-2.0
"""The demonstration of scripts/demo.sh: three nginx, one service with an IPv4 and an IPv6 address, four streams of curl, one agent that is
killed in the middle of it all."""

import pathlib
import signal
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "test/e2e")]

from harness.place import remove_copies  # noqa: E402
from harness.registry import backend, document, service  # noqa: E402
from harness.world import World  # noqa: E402
from traffic import Traffic, url_of  # noqa: E402

V4, V6 = "10.96.0.10", "fd00:96::10"
SERVERS = ("nginx-a", "nginx-b", "nginx-host")
EQUAL = dict.fromkeys(SERVERS, 1)
CHANGED = {"nginx-a": 6, "nginx-b": 3, "nginx-host": 1}
TURN_SECONDS = 4


def say(text):
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


def table(headings, rows):
    widths = [max(len(str(row[column])) for row in [headings, *rows]) for column in range(len(headings))]
    for number, row in enumerate([headings, *rows]):
        print("  " + "  ".join(str(cell).ljust(width) for cell, width in zip(row, widths)).rstrip())
        if number == 0:
            print("  " + "  ".join("-" * width for width in widths))
    sys.stdout.flush()


class Demo:
    def __init__(self, world):
        self.world = world
        self.rows, self.failed = [], 0
        self.client = world.netns("client")
        self.nginx = {"nginx-a": world.nginx("nginx-a", world.netns("a")), "nginx-b": world.nginx("nginx-b", world.netns("b"))}
        # The one on the host listens where the namespaces can reach it.
        self.nginx["nginx-host"] = world.nginx("nginx-host", addresses=(self.client.host_address, self.client.host_address6))

    def publish(self, weights):
        web = service("web", [V4, V6], 80, [backend(address, one.port, weight=weights[name]) for name, one in self.nginx.items()
                                            for address in (one.address, one.address6)], balancing="weighted")
        self.world.registry.replace(document([web]), "web")
        return web

    def start(self):
        say("1. Three nginx (two in namespaces, one on the host), one file, one agent")
        web = self.publish(EQUAL)
        print(pathlib.Path(self.world.registry.path("web")).read_text())
        self.agent = self.world.agent("--log-level", "info")
        self.agent.wait_applied(web)
        print(self.agent.meshctl("service", "show", "web").stdout)

    def start_traffic(self):
        say("2. curl through both addresses of the service, from the host and from a namespace")
        for netns, place in ((None, "host"), (self.client, "namespace")):
            for address in (V4, V6):
                print(f"  {place:9}  curl {url_of(address)}".ljust(48), self.world.curl(address, netns=netns).stdout.strip())
        self.traffic = [self.world.keep(Traffic(self.world, place, address, netns))
                        for netns, place in ((None, "host"), (self.client, "namespace")) for address in (V4, V6)]

    def turn(self, what, weights):
        """Lets traffic run for a while. What it met since the last turn counts here, so nothing is left out."""
        time.sleep(TURN_SECONDS)
        for one in self.traffic:
            answers = one.take()
            total = answers.total()
            good = sum(answers[name] for name in SERVERS)
            self.failed += total - good
            shares = [f"{answers[name] / good:.0%}" if good else "-" for name in SERVERS]
            self.rows.append((what, one.place, one.address, total, total - good, *shares))
            what = ""
        self.rows.append(("", "", "expected", "", "", *(f"{weights[name] / sum(weights.values()):.0%}" for name in SERVERS)))

    def end_traffic(self):
        for one in self.traffic:
            one.stop()
            rest = one.take()
            self.failed += rest.total() - sum(rest[name] for name in SERVERS)

    def change_weight(self):
        say("3. A weight changes in the file while traffic runs")
        began = time.monotonic()
        web = self.publish(CHANGED)
        self.agent.wait_applied(web)
        print(f"  in the kernel {(time.monotonic() - began) * 1000:.0f} ms after the file was written")

    def kill(self):
        say("4. The agent is killed with SIGKILL while traffic runs")
        pid = self.agent.process.pid
        self.agent.kill()
        print(f"  kill -KILL {pid}; programs and maps are pinned and go on")

    def restart(self):
        say("5. The agent is started again")
        before = self.ids
        began = time.monotonic()
        self.agent.start()
        after = self.service_ids()
        print(f"  ready after {(time.monotonic() - began) * 1000:.0f} ms; programs adopted: {self.agent.status()['adopted']}; "
              f"ids of service and backends {'are the same' if after == before else 'CHANGED'}")
        return after == before

    def service_ids(self):
        port = self.agent.service("web")["ports"][0]
        return [port["id"], *(one["id"] for one in port["backends"])]

    def run(self):
        began = time.monotonic()
        self.start()
        self.start_traffic()
        self.turn("equal weights", EQUAL)
        self.change_weight()
        self.turn("weights 6, 3, 1", CHANGED)
        self.ids = self.service_ids()
        self.kill()
        self.turn("agent killed", CHANGED)
        adopted = self.restart()
        self.turn("agent back", CHANGED)
        self.end_traffic()
        return self.verdict(adopted, time.monotonic() - began)

    def verdict(self, adopted, seconds):
        say("What curl saw")
        table(("", "from", "address", "requests", "failed", *SERVERS), self.rows)
        say("What the agent says")
        print(self.agent.meshctl("status", check=False).stdout)
        total = sum(row[3] for row in self.rows if row[3] != "")
        good = self.failed == 0 and adopted and total > 0
        say(f"{'PASSED' if good else 'FAILED'}: {total:,} requests, {self.failed} failed, through a change, a kill -KILL and a restart, "
            f"in {seconds:.0f} s.")
        return good

    def keep(self):
        cgroup, socket = self.world.cgroup.path, self.world.place.socket
        say("Running on. From another root shell:")
        print(f"""  echo $$ > {cgroup}/cgroup.procs            # this shell becomes a client of the mesh
  curl http://{V4}/    curl http://[{V6}]/
  ip netns exec {self.client.name} curl http://{V4}/
  export MESHD_SOCKET={socket}
  {self.agent.binaries}/meshctl status            # service show web, backend list, explain {V4}:80, drift, map list
  $EDITOR {self.world.registry.path("web")}

Leave that shell, then Ctrl-C here takes everything down.""", flush=True)
        while True:
            signal.pause()  # Ctrl-C raises KeyboardInterrupt, SIGTERM SystemExit


def main():
    # Ctrl-C and SIGTERM take everything down too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    world = World()
    try:
        demo = Demo(world)
        good = demo.run()
        if "--keep" in sys.argv[1:]:
            demo.keep()
        return 0 if good else 1
    except KeyboardInterrupt:
        return 130
    finally:
        world.close()
        remove_copies()


if __name__ == "__main__":
    sys.exit(main())
