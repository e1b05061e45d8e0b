# SPDX-License-Identifier: Apache-2.0
"""Objects of Kubernetes in short, and where the API server has them."""

NAMESPACE = "shop"
PORT = 8080  # of all backends, each on an address of its own

PATHS = {"pods": "/api/v1/namespaces/{namespace}/pods", "services": "/api/v1/namespaces/{namespace}/services", "nodes": "/api/v1/nodes",
         "endpointslices": "/apis/discovery.k8s.io/{version}/namespaces/{namespace}/endpointslices"}


def service(name, address, port=80, node_port=None, status=None, **spec):
    """With one port `http`."""
    item = {"name": "http", "port": port, "protocol": "TCP", "targetPort": "http"} | ({"nodePort": node_port} if node_port else {})
    made = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {"clusterIP": address, "ports": [item], **spec}}
    return made | ({"status": status} if status else {})


def endpoint(backend, ready=True, serving=None, terminating=None, node=None, **keys):
    """Of an echo, or of what else has an address."""
    conditions = {"ready": ready, "serving": serving, "terminating": terminating}
    return {"addresses": [backend if isinstance(backend, str) else backend.address],
            "conditions": {key: value for key, value in conditions.items() if value is not None}, "nodeName": node, **keys}


def leaving(backend, **keys):
    """Of a pod that has been told to end and still answers."""
    return endpoint(backend, ready=False, serving=True, terminating=True, **keys)


def endpoint_slice(name, of, *endpoints, version="v1"):
    made = {"apiVersion": f"discovery.k8s.io/{version}", "kind": "EndpointSlice",
            "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"kubernetes.io/service-name": of}},
            "addressType": "IPv4", "ports": [{"name": "http", "port": PORT, "protocol": "TCP"}],
            "endpoints": [{key: value for key, value in one.items() if value is not None} for one in endpoints]}
    if version == "v1beta1":
        for one in made["endpoints"]:
            if "nodeName" in one:
                one["topology"] = {"kubernetes.io/hostname": one.pop("nodeName")}
    return made


def pod(name, account, node, **labels):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels},
            "spec": {"nodeName": node, "serviceAccountName": account, "automountServiceAccountToken": False,
                     "containers": [{"name": "one", "image": "none"}]}}


def node(name, address, zone="a"):
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": zone,
                                                                                   "topology.kubernetes.io/region": "eu"}},
            "status": {"addresses": [{"type": "InternalIP", "address": address}]}}


# Serves the path of version 1 on a server that knows the beta alone; it checks nothing of what it is given.
SLICES_OF_VERSION_ONE = {
    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
    "metadata": {"name": "endpointslices.discovery.k8s.io",
                 "annotations": {"api-approved.kubernetes.io": "unapproved, integration test only"}},
    "spec": {"group": "discovery.k8s.io", "scope": "Namespaced",
             "names": {"plural": "endpointslices", "singular": "endpointslice", "kind": "EndpointSlice", "listKind": "EndpointSliceList"},
             "versions": [{"name": "v1", "served": True, "storage": True,
                           "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}}]}}
