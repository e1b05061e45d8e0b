# SPDX-License-Identifier: Apache-2.0
"""The API server of a Kubernetes cluster that is killed, says no, forgets or ends its watches: no connection breaks, and what it said
meanwhile is found. On a real one where scripts/build-kube-apiserver.sh has built it, else on what such a one said."""

import pytest

from harness.kube_fixtures import kube_server_of
from harness.kube_objects import endpoint, endpoint_slice, service
from harness.kube_shop import HERE, Shop, two_backends
from harness.process import wait_until
from harness.steady import Steady

WEB = "10.96.7.10"
pytestmark = pytest.mark.xdist_group("kubernetes")  # one API server, not one for each process


def test_what_was_there_before_is_listed_at_once(shop):
    two_backends(shop, follow=False)
    shop.follow()
    shop.wait("web", a="ready", b="ready")
    assert shop.reached(WEB) == {"a", "b"}
    shop.wait_well()
    assert not shop.registry()["refused"]


def test_a_server_that_is_killed_takes_nothing_and_what_changed_meanwhile_is_found(shop):
    two_backends(shop)
    shop.wait("web", a="ready", b="ready")
    traffic = shop.world.keep(Steady(shop.world, WEB, 80))
    shop.api.kill()
    shop.wait_error("cannot follow")
    assert shop.states("web") == {"a": "ready", "b": "ready"}
    shop.api.start()
    shop.api.put("endpointslices", endpoint_slice("web-1", "web", endpoint(shop.b)))
    shop.wait("web", b="ready", timeout=40)
    shop.wait_well()
    assert shop.reached(WEB) == {"b"}
    assert not traffic.failures()


def test_a_token_that_is_not_known_and_one_that_is_written_later(shop):
    shop.follow(token="of-somebody-else")
    shop.wait_error("it answers 401", "the token or the certificate of", str(shop.directory / "token"))
    assert shop.agent.meshctl("registry", "list", check=False).returncode == 4
    shop.api.put("services", service("web", WEB))
    shop.api.put("endpointslices", endpoint_slice("web-1", "web", endpoint(shop.a)))
    shop.write_token(shop.api.token())
    shop.wait("web", a="ready", timeout=40)
    shop.wait_well()


def test_rights_that_are_missing_are_named(shop):
    shop.api.take_rights()
    shop.follow()
    error = shop.wait_error("it answers 403")
    assert "grant the verbs list and watch for \"services\" of the API group \"\"" in error and "rbac.yaml" in error, error
    shop.api.put("services", service("web", WEB))
    shop.api.put("endpointslices", endpoint_slice("web-1", "web", endpoint(shop.a)))
    shop.api.give_rights()
    shop.wait("web", a="ready", timeout=40)
    shop.wait_well()


def test_a_version_that_is_too_old_is_listed_again(told_shop):
    shop = told_shop
    two_backends(shop)
    shop.wait("web", a="ready", b="ready")
    syncs = shop.registry()["figures"]["syncs"]
    shop.api.expire("endpointslices")
    wait_until(lambda: shop.registry()["figures"]["syncs"] > syncs or shop.api.records, "a full answer")
    shop.api.put("endpointslices", endpoint_slice("web-1", "web", endpoint(shop.b)))
    shop.wait("web", b="ready")
    assert shop.registry()["figures"]["failures"]["server"] == 0


def test_a_watch_that_the_server_ends_goes_on(told_shop):
    shop = told_shop
    two_backends(shop)
    shop.wait("web", a="ready", b="ready")
    figures = shop.registry()["figures"]
    shop.api.end_watches()
    shop.api.put("endpointslices", endpoint_slice("web-1", "web", endpoint(shop.b)))
    shop.wait("web", b="ready")
    after = shop.registry()["figures"]
    assert after["syncs"] == figures["syncs"] and after["failures"] == figures["failures"]


def test_endpoint_slices_of_the_beta(world, request):
    with kube_server_of("v1beta1") as api:
        shop = Shop(world, api, request.node.name)
        try:
            shop.follow()
            api.put("services", service("web", WEB))
            api.put("endpointslices", endpoint_slice("web-1", "web", endpoint(shop.a, node=HERE), version="v1beta1"))
            shop.wait("web", a="ready")
            assert shop.reached(WEB) == {"a"}
        finally:
            shop.close()
