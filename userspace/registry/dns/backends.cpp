// SPDX-License-Identifier: Apache-2.0
#include "registry/dns/backends.hpp"

#include <algorithm>
#include <map>

namespace meshd::registry::dns {

namespace {

// As in files: an answer of 0.0.0.0 is how some block a name.
bool is_usable(const base::IpAddress& address) {
    static const auto broadcast = *base::IpAddress::parse("255.255.255.255");
    const bool needs_interface = address.is_link_local() && !address.is_v4();
    return !address.is_unspecified() && !address.is_multicast() && !needs_interface && address != broadcast;
}

// Sorted, each once: an answer in another order is the same.
std::vector<model::Backend> list(const std::map<base::SocketAddress, std::uint16_t>& weights) {
    std::vector<model::Backend> backends;
    backends.reserve(weights.size());
    for (const auto& [endpoint, weight] : weights) backends.push_back({endpoint, weight, model::BackendState::ready, {}, {}});
    return backends;
}

}  // namespace

std::vector<model::Backend> backends_of(std::span<const base::IpAddress> addresses) {
    std::map<base::SocketAddress, std::uint16_t> weights;
    for (const auto& address : addresses)
        if (is_usable(address)) weights[{address, 0}] = 1;
    return list(weights);
}

std::vector<SrvRecord> records_in_use(std::span<const SrvRecord> records) {
    std::vector<SrvRecord> used;
    for (const auto& record : records)
        if (!record.target.empty() && record.port != 0) used.push_back(record);
    const auto lowest = std::min_element(used.begin(), used.end());
    if (lowest == used.end()) return used;
    std::erase_if(used, [priority = lowest->priority](const SrvRecord& record) { return record.priority != priority; });
    return used;
}

std::vector<model::Backend> backends_of(std::span<const SrvRecord> records, const AddressesOf& addresses_of) {
    const auto used = records_in_use(records);
    std::uint32_t most = 0;
    for (const auto& record : used) most = std::max<std::uint32_t>(most, record.weight);
    std::map<base::SocketAddress, std::uint16_t> weights;
    for (const auto& record : used) {
        std::uint32_t weight = record.weight;
        if (most > model::max_weight) weight = (weight * model::max_weight + most / 2) / most;
        weight = std::max<std::uint32_t>(weight, 1);
        for (const auto& address : addresses_of(record.target)) {
            if (!is_usable(address)) continue;
            auto& known = weights[{address, record.port}];
            known = std::max(known, static_cast<std::uint16_t>(weight));
        }
    }
    return list(weights);
}

}  // namespace meshd::registry::dns
