// SPDX-License-Identifier: Apache-2.0
#include "policy/question.hpp"

#include <algorithm>

namespace meshd::policy {

base::IpAddress real_destination(const base::IpAddress& destination, const std::optional<base::IpAddress>& bound) {
    if (!destination.is_unspecified()) return destination;
    const bool bound_to_v4 = bound && bound->is_v4() && !bound->is_unspecified();
    if (destination.is_v4() && bound_to_v4) return *bound;
    return *base::IpAddress::parse(destination.is_v4() || bound_to_v4 ? "127.0.0.1" : "::1");
}

bool is_loopback(const base::IpAddress& address) {
    return address.is_v4() ? address.bytes[12] == 127 : address == *base::IpAddress::parse("::1");
}

bool is_within(std::string_view cgroup, std::string_view workload) {
    return cgroup.starts_with(workload) && (cgroup.size() == workload.size() || cgroup[workload.size()] == '/');
}

std::size_t depth(std::string_view workload) {
    return static_cast<std::size_t>(std::count(workload.begin(), workload.end(), '/'));
}

}  // namespace meshd::policy
