// SPDX-License-Identifier: Apache-2.0
// Services that run on this host and that a registry is to know, as meshd.yaml says it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "model/balancing.hpp"
#include "model/health.hpp"

namespace meshd::model {

// What programs elsewhere connect to, where the registry has a place for it.
struct VirtualAddress {
    base::SocketAddress address;  // port is never 0
    base::Protocol protocol = base::Protocol::tcp;

    bool operator==(const VirtualAddress&) const = default;
};

struct Announcement {
    std::string name;              // of the service, without a slash
    std::string registry;          // name of a Consul or etcd registry of meshd.yaml, never empty
    base::SocketAddress endpoint;  // that others connect to
    std::uint16_t weight = 1;      // 1 to max_weight
    Labels labels{};
    std::vector<std::string> tags{};                  // Consul only
    std::optional<VirtualAddress> virtual_address{};  // Consul only
    std::optional<Probe> probe{};                     // nothing: it is well as long as the worker runs
    std::chrono::milliseconds ttl{15'000};            // 5 s to 1 h: gone so long after the last sign of life

    // Tells it from all others: "consul/web/10.0.0.5:8080".
    [[nodiscard]] std::string id() const { return registry + '/' + name + '/' + endpoint.text(); }
    bool operator==(const Announcement&) const = default;
};

inline constexpr std::size_t max_announcements = 256;

}  // namespace meshd::model
