# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the tests of the Kubernetes registry."""

import contextlib

import pytest

from harness import kubernetes
from harness.kube_recorded import KubeRecorded
from harness.kube_shop import Shop


@contextlib.contextmanager
def kube_server_of(version):
    api = kubernetes.KubeApi(version) if kubernetes.REAL else KubeRecorded(version)
    try:
        yield api
    finally:
        api.close()


@pytest.fixture(scope="session")
def kube_server(nothing_is_left):
    """With EndpointSlices of version 1; one for all tests of the session."""
    with kube_server_of("v1") as api:
        yield api


@pytest.fixture
def shop(world, kube_server, request):
    made = Shop(world, kube_server, request.node.name)
    yield made
    made.close()


@pytest.fixture
def told_shop(world, kube_server, request):
    """For what no real server does when it is asked to: always on what one said."""
    api = kube_server if kube_server.records else KubeRecorded()
    made = Shop(world, api, request.node.name)
    yield made
    made.close()
    if api is not kube_server:
        api.close()
