// SPDX-License-Identifier: Apache-2.0
#include "forwarding/problems.hpp"

#include <algorithm>
#include <fstream>

namespace meshd::forwarding {

namespace {

// A file that is not there (a kernel without IPv6) stands in nobody's way.
bool is_on(const char* path) {
    std::ifstream file(path);
    int value = 1;
    return !(file >> value) || value != 0;
}

bool forwards_any(const Services& services, const reconcile::ForwardPolicy& policy, bool v4) {
    return std::any_of(services.begin(), services.end(), [&](const auto& entry) {
        const auto& service = *entry.second;
        return std::any_of(service.ports.begin(), service.ports.end(), [&](const model::ServicePort& port) {
            if (reconcile::forward_of(service, port, policy) == MD_FORWARD_NONE) return false;
            return std::any_of(port.backends.begin(), port.backends.end(),
                               [&](const model::Backend& backend) { return backend.endpoint.address.is_v4() == v4; });
        });
    });
}

}  // namespace

System look_at_system() {
    System system;
    system.forwards_v4 = is_on("/proc/sys/net/ipv4/ip_forward");
    system.forwards_v6 = is_on("/proc/sys/net/ipv6/conf/all/forwarding");
    std::ifstream range("/proc/sys/net/ipv4/ip_local_port_range");
    range >> system.first_local_port >> system.last_local_port;
    return system;
}

std::optional<Problem> no_routing(const System& system, const Services& services, const reconcile::ForwardPolicy& policy) {
    if (!system.forwards_v4 && forwards_any(services, policy, true))
        return Problem{"this host does not route IPv4: packets for backends on other hosts are dropped",
                       "sysctl -w net.ipv4.ip_forward=1"};
    if (!system.forwards_v6 && forwards_any(services, policy, false))
        return Problem{"this host does not route IPv6: packets for backends on other hosts are dropped",
                       "sysctl -w net.ipv6.conf.all.forwarding=1"};
    return std::nullopt;
}

std::optional<Problem> shared_ports(const System& system, std::uint16_t first, std::uint16_t last) {
    if (first > system.last_local_port || last < system.first_local_port) return std::nullopt;
    return Problem{"forwarding.ports " + std::to_string(first) + "-" + std::to_string(last) +
                       " overlap the ports that the kernel gives to sockets, " + std::to_string(system.first_local_port) + "-" +
                       std::to_string(system.last_local_port) + ": replies to one may be taken for replies to the other",
                   "choose other forwarding.ports, or another net.ipv4.ip_local_port_range"};
}

std::optional<Problem> not_returnable(const Services& services, const reconcile::ForwardPolicy& policy) {
    std::string first;
    std::size_t count = 0;
    for (const auto& [name, service] : services)
        for (const auto& port : service->ports) {
            const bool falls_to_dsr = policy.enabled && service->forward == model::Forward::automatic &&
                                      policy.fallback == model::Forward::dsr && !reconcile::allows_direct_return(port);
            if (!falls_to_dsr) continue;
            if (count++ == 0) first = name + ":" + std::to_string(port.number);
        }
    if (count == 0) return std::nullopt;
    return Problem{
        first + (count > 1 ? " and " + std::to_string(count - 1) + " more" : "") +
            " cannot be forwarded to: forwarding.default is dsr, but backends have another port than the service, or it "
            "has a node port",
        "write forward: nat or forward: off in the service"};
}

}  // namespace meshd::forwarding
