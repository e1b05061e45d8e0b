# SPDX-License-Identifier: Apache-2.0
"""From an older build, whose binaries are in $MESHD_OLD_BIN_DIR, to this one and back, under load. Run by scripts/upgrade.sh."""

import os
import pathlib
import shutil

import pytest

from harness.agent import override
from harness.failing import NameServer, ShortLoad
from harness.many_flows import FlowEcho, FlowLoad, assert_unharmed
from harness.place import BINARIES
from harness.process import run
from harness.registry import backend, service

OLD = os.environ.get("MESHD_OLD_BIN_DIR")
pytestmark = pytest.mark.skipif(not OLD, reason="scripts/upgrade.sh runs it, with an older build")
LONG, SHORT = ("10.96.0.60", 7), ("10.96.0.61", 80)


def old_agent(world, newer):
    """It knows fewer options."""
    binaries = world.place.root / "old"
    binaries.mkdir()
    for name in BINARIES:
        shutil.copy2(pathlib.Path(OLD) / name, binaries / name)
    agent = world.agent(start=False, binaries=binaries)
    known = run(binaries / "meshd", "--help").stdout
    pairs = list(zip(newer.options[::2], newer.options[1::2]))
    agent.options = override([], [part for pair in pairs if str(pair[0]) in known for part in pair])
    return agent


def abi(agent):
    return agent.api.get("/v1/version")["abi"]


def test_there_and_back_under_load(world):
    new = world.agent(start=False)
    old = old_agent(world, new)
    echo = world.keep(FlowEcho(world.place.root / "flows"))
    names = [world.keep(NameServer(world.place.root / name, name)) for name in ("a", "b")]
    services = [service("long", *LONG, [backend(echo.address, echo.port)]),
                service("short", *SHORT, [backend(one.address, one.port) for one in names])]
    world.registry.write(*services)
    old.start()
    old.wait_applied(*services)
    load = world.keep(FlowLoad(world.place, world.enter(), f"{LONG[0]}:{LONG[1]}"))
    short = world.keep(ShortLoad(world, *SHORT, rate=1000))

    def there():
        old.stop()
        new.start()
        new.wait_applied(*services)

    def back():
        new.stop()
        if abis[0] != abis[1]:
            said = run(new.binaries / "meshd", "--roll-back", *new.options).stdout
            assert f"ABI version {abis[0]} is back" in said, said
        old.start()
        old.wait_applied(*services)

    abis = [abi(old)]
    there()
    abis.append(abi(new))
    back()
    assert abi(old) == abis[0]
    there()

    outcome = short.finish()
    print({key: outcome[key] for key in ("requests", "seconds", "names")})
    assert outcome["failures"] == [], outcome["failures"][:5]
    assert_unharmed(load.outcome())
    new.stop()
    new.unload()
    assert world.place.pins() == []
