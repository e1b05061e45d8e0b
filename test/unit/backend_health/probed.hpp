// SPDX-License-Identifier: Apache-2.0
// A probed service, and what probes say of it.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "unit/reconcile/builders.hpp"

namespace meshd::health {

inline model::Service probed(const std::string& name, int backends, std::uint8_t panic = 50, bool initially_healthy = true) {
    std::vector<model::Backend> all;
    for (int i = 1; i <= backends; ++i) all.push_back(reconcile::backend("10.0.0." + std::to_string(i) + ":80"));
    auto value = reconcile::service(name, "10.96.0.1", std::move(all));
    value.health.panic_percent = panic;
    value.health.probe.emplace().initially_healthy = initially_healthy;
    return value;
}

inline model::BackendHealth says(const std::string& name, int number, bool healthy, int second = 1) {
    return {name,
            80,
            base::Protocol::tcp,
            *base::SocketAddress::parse("10.0.0." + std::to_string(number) + ":80"),
            healthy,
            healthy ? model::ProbeResult::success : model::ProbeResult::refused,
            {},
            std::chrono::system_clock::time_point(std::chrono::seconds(second))};
}

}  // namespace meshd::health
