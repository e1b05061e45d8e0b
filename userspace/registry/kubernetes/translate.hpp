// SPDX-License-Identifier: Apache-2.0
// A service of Kubernetes as this node balances it. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "model/policy.hpp"
#include "model/service.hpp"
#include "registry/kubernetes/endpoints.hpp"
#include "registry/kubernetes/objects.hpp"

namespace meshd::registry::kubernetes {

// A load balancer asks each node at `port` whether it has endpoints of its own.
struct HealthCheckPort {
    std::uint16_t port = 0;
    std::string service;
    std::size_t local_endpoints = 0;  // ready ones of this node

    bool operator==(const HealthCheckPort&) const = default;
};

struct Translation {
    // None: nothing to balance here. The first is named as the service; a second one, NAMESPACE/NAME/external, is there when what
    // comes from outside has other backends than what comes from inside.
    std::vector<model::Service> services;
    std::vector<model::Rule> rules;  // who may come by its load balancer
    std::vector<std::string> notes;  // what is left out of it, for people
    std::optional<HealthCheckPort> health_check;
};

inline constexpr std::string_view external_suffix = "/external";

// Slices are those of this service. An error: what it says cannot be held; nothing of it is to be taken.
base::Result<Translation> translate(const Service& service, std::span<const Slice* const> slices, const Nodes& nodes,
                                    const Here& here);

}  // namespace meshd::registry::kubernetes
