// SPDX-License-Identifier: Apache-2.0
// Services with a probe, in a line each.
#pragma once

#include <string>
#include <vector>

#include "model/service.hpp"

namespace meshd::health {

inline model::Probe quick(model::ProbeType type = model::ProbeType::tcp) {
    model::Probe probe;
    probe.type = type;
    probe.interval_ms = 100;
    probe.timeout_ms = 100;
    probe.healthy = 2;
    probe.unhealthy = 2;
    return probe;
}

inline model::Service service(const std::string& name, const std::vector<base::SocketAddress>& backends,
                              const model::Probe& probe) {
    model::Service service;
    service.name = name;
    service.health.probe = probe;
    service.ports = {{"", 80, base::Protocol::tcp, {}}};
    for (const auto& one : backends) service.ports[0].backends.push_back({one, 1, model::BackendState::ready, {}});
    return service;
}

inline base::SocketAddress at(const std::string& text) { return *base::SocketAddress::parse(text); }

}  // namespace meshd::health
