// SPDX-License-Identifier: Apache-2.0
// Which endpoints of a service's port take its connections, as kube-proxy decides it (k8s.io/kubernetes pkg/proxy/topology.go).
// Pure.
#pragma once

#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/service.hpp"
#include "registry/kubernetes/objects.hpp"

namespace meshd::registry::kubernetes {

using Nodes = std::unordered_map<std::string, Node>;

// The node that this is.
struct Here {
    Word node;
    Word zone;  // empty: not known
    std::vector<base::IpAddress> addresses;

    bool operator==(const Here&) const = default;
};

struct Candidate {
    base::SocketAddress address;
    const Endpoint* endpoint = nullptr;
};

// The endpoints that lead to a port, each once though several slices name it, by address.
std::vector<Candidate> candidates(const ServicePortSpec& port, std::span<const Slice* const> slices);

// As backends: what takes connections is ready; what ends drains; what is not ready is unhealthy; what others are nearer than is
// left out. With Traffic::local only those of this node. Families are decided about one by one.
std::vector<model::Backend> backends(const std::vector<Candidate>& candidates, Traffic traffic, Distribution distribution,
                                     const Nodes& nodes, const Here& here);

// "REGION/ZONE/NODE", "-" for what is not known; empty when nothing is.
std::string locality_of(const Endpoint& endpoint, const Nodes& nodes);

}  // namespace meshd::registry::kubernetes
