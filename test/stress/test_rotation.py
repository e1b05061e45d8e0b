# SPDX-License-Identifier: Apache-2.0
"""Certificates are renewed, the authority is rotated and a node is revoked at 1,000 requests a second: nothing fails of what is allowed."""

import pytest

from harness.built_in_authority import meshctl
from harness.echo import TcpEcho, read_line
from harness.many_flows import FlowEcho, FlowLoad, assert_unharmed
from harness.mesh import PORT, SERVICE, connect, encrypted
from harness.process import wait_until
from harness.registry import backend, service
from harness.signing_site import site

CONNECTIONS = 100  # of ten requests a second


def test_a_thousand_requests_a_second_see_nothing_of_renewal_rotation_and_revocation():
    with site(3, ttl="6s") as made:
        server, client, revoked = made.start_all()
        flows = server.keep(FlowEcho(server.place.root / "flows", addresses=(server.address, server.address6), enter=server.enter))
        line = server.keep(TcpEcho("line", server.address, server.netns))
        made.mesh.publish(encrypted(flows), service("line", ["10.96.0.21"], PORT, [backend(line.address, line.port)], tls={"mode": "mutual"}))
        kept = connect(revoked, "10.96.0.21")
        assert read_line(kept) == "line"
        load = FlowLoad(client.place, client.enter, f"{SERVICE}:{PORT}", CONNECTIONS)
        try:
            renewals = [host.figure("meshd_tls_renewals_total", result="issued") for host in (server, client)]
            old = made.ca.authorities.read_text()
            made.rotate()
            assert old not in (client.place.root / "state/tls/authorities.pem").read_text()
            meshctl("ca", "revoke", made.ca.directory, f"node/{revoked.name}")
            with pytest.raises(ConnectionResetError):
                kept.recv(1)
            kept.close()
            for host, before in zip((server, client), renewals):
                wait_until(lambda host=host, before=before: host.figure("meshd_tls_renewals_total", result="issued") >= before + 3,
                           host.agent.output, timeout=30)
        finally:
            outcome = load.outcome()
        assert_unharmed(outcome, CONNECTIONS)
