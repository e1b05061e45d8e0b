// SPDX-License-Identifier: Apache-2.0
// What keeps packets from being forwarded as configuration asks for. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "model/service.hpp"
#include "reconcile/forward.hpp"

namespace meshd::forwarding {

struct Problem {
    std::string reason;
    std::string remedy;

    bool operator==(const Problem&) const = default;
};

// What of the system's settings forwarding rests on.
struct System {
    bool forwards_v4 = true;             // net.ipv4.ip_forward
    bool forwards_v6 = true;             // net.ipv6.conf.all.forwarding
    std::uint16_t first_local_port = 0;  // net.ipv4.ip_local_port_range
    std::uint16_t last_local_port = 0;
};

System look_at_system();

using Services = std::map<std::string, model::ServicePtr, std::less<>>;

// The host does not route packets of a family that services have addresses of.
std::optional<Problem> no_routing(const System& system, const Services& services, const reconcile::ForwardPolicy& policy);

// Sockets of this host may have the ports that are for translated sources.
std::optional<Problem> shared_ports(const System& system, std::uint16_t first, std::uint16_t last);

// Services that fall to direct server return and do not allow it.
std::optional<Problem> not_returnable(const Services& services, const reconcile::ForwardPolicy& policy);

}  // namespace meshd::forwarding
