# SPDX-License-Identifier: Apache-2.0
"""What the agent says about the short way: asked for where the kernel allows it to named services only, and proven to have been
taken."""

import json

from harness.process import wait_until

RIGHT_FOR_REDIRECTED = ("both", "redirected")  # where FIONREAD counts bytes that came by the short way


class ShortWay:
    """For one agent. Services are published through it, so that it knows which of them must take the short way."""

    def __init__(self, world, agent):
        self.world, self.agent = world, agent
        self.state = agent.api.get("/v1/acceleration")
        self._taking = []

    @property
    def mode(self):
        return self.state["mode"]

    def keys(self, trusts_fionread=False):
        """What a service's entry must say for it to take the short way; None where it cannot, or where a program would stall
        that asks FIONREAD."""
        if self.mode == "off":
            return None
        if self.mode == "on":
            return {}
        if self.state["fionread"] == "both":
            return {"acceleration": "on"}
        if not trusts_fionread:
            return {"acceleration": {"fionread": "accept"}}
        return {"acceleration": "on"} if self.state["fionread"] in RIGHT_FOR_REDIRECTED else None

    def publish(self, *services, trusts_fionread=False):
        keys = self.keys(trusts_fionread)
        self._taking = [] if keys is None else [one["name"] for one in services if one.get("acceleration") != "off"]
        entries = [(keys or {}) | one for one in services]
        self.world.registry.write(*entries)
        self.agent.wait_applied(*entries)

    def services(self):
        """Rows of /v1/acceleration/top by name."""
        return {row["service"]: row for row in self.agent.api.get("/v1/acceleration/top")["services"]}

    def assert_taken(self):
        """Bytes of every service that was published took the short way."""
        def missing():
            rows = self.services()
            return [name for name in self._taking if rows.get(name, {}).get("bytes_short", 0) == 0]
        wait_until(lambda: not missing(),
                   lambda: f"bytes on the short way of {missing()}: {json.dumps(self.services(), indent=1)}", timeout=5)
