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

// Whether a cgroup is `workload` or below it.
bool is_within(std::string_view cgroup, std::string_view workload);
std::size_t depth(std::string_view workload);  // "/a/b": 2

}  // namespace meshd::policy
