// SPDX-License-Identifier: Apache-2.0
// Services in a line each, and what a plan makes of them.
#pragma once

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "model/service.hpp"
#include "reconcile/plan.hpp"

namespace meshd::reconcile {

inline model::Backend backend(const std::string& endpoint, std::uint16_t weight = 1,
                              model::BackendState state = model::BackendState::ready) {
    return {*base::SocketAddress::parse(endpoint), weight, state, {}};
}

inline model::Service service(const std::string& name, const std::string& address, std::vector<model::Backend> backends) {
    model::Service value;
    value.name = name;
    value.addresses = {*base::IpAddress::parse(address)};
    value.ports = {{"", 80, base::Protocol::tcp, std::move(backends)}};
    return value;
}

inline model::ServicePtr shared(model::Service value) { return std::make_shared<const model::Service>(std::move(value)); }

inline model::DesiredState desired(std::vector<model::Service> services, bool complete = true) {
    model::DesiredState state;
    state.complete = complete;
    for (auto& value : services) state.services[value.name] = shared(value);
    return state;
}

inline std::vector<std::string> kinds(const Plan& plan) {
    std::vector<std::string> names;
    for (const auto& operation : plan) names.emplace_back(name(operation.kind));
    return names;
}

inline RealizedState after(RealizedState state, const Plan& plan) {
    for (const auto& operation : plan) simulate(state, operation);
    return state;
}

// Up to 12 services out of 16 names, with addresses that wander between them, all kinds of backends, one to three ports.
inline model::DesiredState random_desired(std::mt19937& random) {
    const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
    model::DesiredState state;
    state.complete = true;
    std::vector<std::uint32_t> free_addresses(40);
    for (std::uint32_t i = 0; i < free_addresses.size(); ++i) free_addresses[i] = i;
    std::shuffle(free_addresses.begin(), free_addresses.end(), random);
    for (std::uint32_t n = below(13); n > 0; --n) {
        model::Service value;
        value.name = "s" + std::to_string(below(16));
        for (auto count = 1 + below(3); count > 0; --count) {
            const auto number = free_addresses.back();
            free_addresses.pop_back();
            value.addresses.push_back(*base::IpAddress::parse(number % 3 == 0 ? "fd00:96::" + std::to_string(number + 1)
                                                                              : "10.96.0." + std::to_string(number + 1)));
        }
        value.balancing = static_cast<model::Balancing>(below(6));
        value.balancing_options.slow_start_ms = below(2) * 30000;
        value.balancing_options.affinity_s = below(3) * 60;
        value.when_no_backend = static_cast<model::WhenNoBackend>(below(2));
        value.acceleration = static_cast<model::Acceleration>(below(4));
        value.forward = static_cast<model::Forward>(below(4));
        value.affinity_s = below(3) * 60;
        const std::uint16_t numbers[] = {80, 443, 53};
        for (std::uint32_t p = 0; p < 1 + below(3); ++p) {
            model::ServicePort port{"p" + std::to_string(p), numbers[p], p == 2 ? base::Protocol::udp : base::Protocol::tcp, {}};
            for (std::uint32_t b = 0, count = below(6); b < count; ++b) {
                const auto host = b * 8 + below(8) + 1;
                const auto endpoint =
                    below(4) == 0 ? "[fd00::" + std::to_string(host) + "]:8080" : "10.0.0." + std::to_string(host) + ":8080";
                port.backends.push_back(
                    backend(endpoint, static_cast<std::uint16_t>(below(5)), static_cast<model::BackendState>(below(3))));
            }
            value.ports.push_back(std::move(port));
        }
        if (!state.services.contains(value.name)) state.services[value.name] = shared(value);
        if (free_addresses.size() < 4) break;
    }
    return state;
}

}  // namespace meshd::reconcile
