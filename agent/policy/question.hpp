// SPDX-License-Identifier: Apache-2.0
// One connection, as a policy sees it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/prefix.hpp"

namespace meshd::policy {

struct Question {
    // The cgroup of the socket, as a path below the mount; empty: not known, as for everything that comes by a device.
    std::string workload;
    // Where it may come from. One address when that is known. A socket that is bound to none has those of its node; one in a
    // network namespace that is not the agent's may have any.
    std::vector<base::Prefix> addresses;
    std::string service;  // whose address it asks for; empty: no service's
    base::IpAddress destination;
    std::uint16_t port = 0;
    base::Protocol protocol = base::Protocol::tcp;
};

// Where a connection to an unspecified address ends: at the address that its socket is bound to (IPv4), else on loopback.
// `bound`: nothing when the socket is bound to none.
base::IpAddress real_destination(const base::IpAddress& destination, const std::optional<base::IpAddress>& bound);
bool is_loopback(const base::IpAddress& address);

// Whether a cgroup is `workload` or below it.
bool is_within(std::string_view cgroup, std::string_view workload);
std::size_t depth(std::string_view workload);  // "/a/b": 2

}  // namespace meshd::policy
