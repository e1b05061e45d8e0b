# SPDX-License-Identifier: Apache-2.0
"""Services of a Kubernetes cluster: what its API server says reaches connections as kube-proxy would have it. On a real API
server where scripts/build-kube-apiserver.sh has built one, else on what such a one said."""

import errno

import pytest

from harness.forwarded import BACKEND, NODE, Net
from harness.kube_objects import NAMESPACE, endpoint, endpoint_slice, leaving, node, service
from harness.kube_shop import HERE, THERE, Relay, Shop, two_backends
from harness.process import wait_until
from harness.steady import Steady

WEB = "10.96.7.10"
pytestmark = pytest.mark.xdist_group("kubernetes")  # one API server, not one for each process


def test_services_and_slices_reach_connections(shop):
    two_backends(shop)
    shop.wait("web", a="ready", b="ready")
    assert shop.reached(WEB) == {"a", "b"}
    localities = {one["locality"] for one in shop.agent.service(f"{NAMESPACE}/web")["ports"][0]["backends"]}
    assert localities == {"eu/a/here", "eu/b/there"}
    # A second slice, an address in both of them, then one of them alone.
    shop.api.put("endpointslices", endpoint_slice("web-2", "web", endpoint(shop.b)))
    shop.api.put("endpointslices", endpoint_slice("web-1", "web", endpoint(shop.b, ready=False)))
    shop.wait("web", b="ready")
    assert shop.reached(WEB) == {"b"}
    shop.api.delete("endpointslices", "web-2")
    shop.wait("web", b="unhealthy")
    assert shop.refusal(WEB) == errno.ECONNREFUSED
    shop.api.delete("services", "web")
    shop.wait_gone("web")


def test_a_rollout_fails_no_connection(shop):
    shop.follow(hold="50%")
    shop.api.put("services", service("web", WEB))
    shop.api.put("endpointslices", endpoint_slice("web-1", "web", endpoint(shop.a)))
    shop.wait("web", a="ready")
    traffic = shop.world.keep(Steady(shop.world, WEB, 80))
    for new, old in ((shop.b, shop.a), (shop.a, shop.b)):
        shop.api.put("endpointslices", endpoint_slice("web-1", "web", endpoint(old), endpoint(new, ready=False)))
        shop.wait("web", **{old.name: "ready", new.name: "unhealthy"})
        shop.api.put("endpointslices", endpoint_slice("web-1", "web", endpoint(old), endpoint(new)))
        shop.wait("web", **{old.name: "ready", new.name: "ready"})
        shop.api.put("endpointslices", endpoint_slice("web-1", "web", leaving(old), endpoint(new)))
        shop.wait("web", **{old.name: "drain", new.name: "ready"})
        assert shop.reached(WEB) == {new.name}
        shop.api.put("endpointslices", endpoint_slice("web-1", "web", endpoint(new)))
        shop.wait("web", **{new.name: "ready"})
    assert not traffic.failures()


def test_the_last_pods_that_leave_are_used_until_they_have_ended(shop):
    two_backends(shop)
    shop.wait("web", a="ready", b="ready")
    shop.api.put("endpointslices", endpoint_slice("web-1", "web", leaving(shop.a), leaving(shop.b)))
    shop.wait("web", a="ready", b="ready")
    assert shop.reached(WEB) == {"a", "b"}
    shop.api.put("endpointslices", endpoint_slice("web-1", "web", leaving(shop.a), endpoint(shop.b, False, False, True)))
    shop.wait("web", a="ready", b="drain")
    assert shop.reached(WEB) == {"a"}


def test_affinity_of_clients(shop):
    two_backends(shop, sessionAffinity="ClientIP", sessionAffinityConfig={"clientIP": {"timeoutSeconds": 600}})
    shop.wait("web", a="ready", b="ready")
    assert len(shop.reached(WEB, times=30)) == 1
    shop.api.put("endpointslices", endpoint_slice("web-1", "web", endpoint(shop.b)))
    shop.wait("web", b="ready")
    assert shop.reached(WEB) == {"b"}
    shop.api.put("endpointslices", endpoint_slice("web-1", "web", endpoint(shop.a), endpoint(shop.b)))
    shop.wait("web", a="ready", b="ready")
    assert shop.reached(WEB, times=30) == {"b"}


def test_external_traffic_policy_local(shop):
    two_backends(shop, type="NodePort", externalTrafficPolicy="Local", externalIPs=["203.0.113.9"], node_port=30080)
    shop.wait("web", a="ready", b="ready")
    shop.wait("web/external", a="ready")
    assert shop.reached(WEB) == {"a", "b"}
    assert shop.reached("203.0.113.9") == {"a"}
    shop.api.put("endpointslices", endpoint_slice("web-1", "web", endpoint(shop.b, node=THERE)))
    shop.wait("web", b="ready")
    shop.wait("web/external")
    assert shop.refusal("203.0.113.9") == errno.ECONNREFUSED
    shop.api.put("services", service("web", WEB, type="NodePort", externalIPs=["203.0.113.9"], node_port=30080))
    shop.wait_gone("web/external")
    assert shop.reached("203.0.113.9") == {"b"}


def test_source_ranges_of_a_load_balancer(shop):
    status = {"loadBalancer": {"ingress": [{"ip": "203.0.113.7"}]}}
    two_backends(shop, type="LoadBalancer", node_port=30081, status=status, loadBalancerSourceRanges=["192.0.2.0/24"])
    shop.wait("web", a="ready", b="ready")
    wait_until(lambda: shop.refusal("203.0.113.7") == errno.EPERM, "the rule")
    assert shop.reached(WEB) == {"a", "b"}
    shop.api.put("services", service("web", WEB, type="LoadBalancer", node_port=30081, status=status))
    wait_until(lambda: shop.refusal("203.0.113.7") is None, "the rule to go")


def test_hints_of_topology(shop):
    shop.follow()
    shop.api.put("nodes", node(HERE, "192.0.2.1", "a"))
    shop.api.put("services", service("web", WEB))
    hints = [endpoint(one, hints={"forZones": [{"name": one.name}]}) for one in (shop.a, shop.b)]
    shop.api.put("endpointslices", endpoint_slice("web-1", "web", *hints))
    shop.wait("web", a="ready")
    assert shop.reached(WEB) == {"a"}
    shop.api.put("nodes", node(HERE, "192.0.2.1", "b"))
    shop.wait("web", b="ready")
    shop.api.put("endpointslices", endpoint_slice("web-1", "web", hints[0], endpoint(shop.b)))
    shop.wait("web", a="ready", b="ready")


def test_a_bad_object_is_refused_alone(shop):
    two_backends(shop)
    shop.wait("web", a="ready", b="ready")
    shop.api.put("endpointslices", endpoint_slice("web-1", "web", endpoint("10.1.0.300")))
    refused = wait_until(lambda: {one["object"]: one["error"] for one in shop.registry()["refused"]}.get(f"endpointslices {NAMESPACE}/web-1"),
                         "the slice to be refused")
    assert '"10.1.0.300" is no IP address' in refused, refused
    assert shop.reached(WEB) == {"a", "b"}
    shop.api.put("services", service("db", "10.96.7.11"))
    wait_until(lambda: shop.states("db") == {}, "another service")
    shop.api.put("endpointslices", endpoint_slice("web-1", "web", endpoint(shop.a)))
    shop.wait("web", a="ready")
    wait_until(lambda: not shop.registry()["refused"], "it to be accepted")


def test_node_ports(world, kube_server, request):
    shop = Shop(world, kube_server, request.node.name)
    try:
        net = Net(world, shop.settings().read_text()[1:-1])
        world.keep(Relay(world, kube_server.port, net.node))
        shop.agent = net.agent
        inside = net.tcp("inside", port=8080)
        assert inside.address == BACKEND
        kube_server.put("nodes", node(HERE, NODE))
        kube_server.put("services", service("web", WEB, type="NodePort", node_port=30080))
        kube_server.put("endpointslices", endpoint_slice("web-1", "web", endpoint(BACKEND, node=THERE)))
        shop.wait("web", timeout=40, **{BACKEND: "ready"})
        assert net.who(NODE, 30080) == "inside"
        # With Local, the backend is another node's: nobody answers for it here.
        kube_server.put("services", service("web", WEB, type="NodePort", node_port=30080, externalTrafficPolicy="Local"))
        shop.wait("web/external")
        with pytest.raises(ConnectionRefusedError):
            net.who(NODE, 30080)
        kube_server.put("endpointslices", endpoint_slice("web-1", "web", endpoint(BACKEND, node=HERE)))
        shop.wait("web/external", **{BACKEND: "ready"})
        assert net.who(NODE, 30080) == "inside"
    finally:
        shop.close()


def test_load_balancers_are_told_which_node_has_endpoints(world, kube_server, request):
    shop = Shop(world, kube_server, request.node.name)
    try:
        net = Net(world, shop.settings().read_text()[1:-1])
        world.keep(Relay(world, kube_server.port, net.node))
        shop.agent = net.agent
        kube_server.put("nodes", node(HERE, NODE))
        kube_server.put("services", service("web", WEB, type="LoadBalancer", node_port=30082, externalTrafficPolicy="Local",
                                       healthCheckNodePort=30083))
        kube_server.put("endpointslices", endpoint_slice("web-1", "web", endpoint(BACKEND, node=HERE)))

        def says(status):
            wait_until(lambda: net.client.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--noproxy", "*",
                                              f"http://{NODE}:30083/", check=False).stdout == status, f"{status} at the port", 40)
        says("200")
        kube_server.put("endpointslices", endpoint_slice("web-1", "web", endpoint(BACKEND, node=THERE)))
        says("503")
    finally:
        shop.close()


def test_internal_traffic_policy_local(told_shop):
    shop = told_shop
    if shop.api.records:  # that server is of 1.20 and does not know the field: it is put into what it said
        two_backends(shop)
        return
    shop.api.amend("services", "web", {"internalTrafficPolicy": "Local"})
    two_backends(shop)
    shop.wait("web", a="ready")
    assert shop.reached(WEB) == {"a"}
