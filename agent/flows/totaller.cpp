// SPDX-License-Identifier: Apache-2.0
#include "flows/totaller.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace meshd::flows {

// md_traffic is nothing but 64-bit counters.
void add(md_traffic& sum, const md_traffic& part) {
    static_assert(sizeof(md_traffic) % sizeof(std::uint64_t) == 0);
    std::array<std::uint64_t, sizeof(md_traffic) / sizeof(std::uint64_t)> left{};
    auto right = left;
    std::memcpy(left.data(), &sum, sizeof sum);
    std::memcpy(right.data(), &part, sizeof part);
    for (std::size_t i = 0; i < left.size(); ++i) left[i] += right[i];
    std::memcpy(&sum, left.data(), sizeof sum);
}

base::Result<Totals> Totaller::read() {
    // In this order: a connection that ends in between is in neither, and never in both.
    const auto counted = maps_.traffic();
    if (!counted) return tl::make_unexpected(counted.error());
    const auto summary = summarize(maps_);
    if (!summary) return tl::make_unexpected(summary.error());
    const auto capacity = maps_.capacity(MD_FLOW_SOCKET);
    if (!capacity) return tl::make_unexpected(capacity.error());
    const auto device_capacity = maps_.capacity(MD_FLOW_DEVICE);
    if (!device_capacity) return tl::make_unexpected(device_capacity.error());

    Totals totals;
    totals.flows = summary->flows;
    totals.capacity = *capacity;
    totals.device_capacity = *device_capacity;
    for (const auto& [ids, traffic] : *counted) totals.backends[ids].counted = traffic;
    for (const auto& [ids, open] : summary->local) {
        auto& counts = totals.backends[ids].counted;
        counts.bytes_out += open.numbers.bytes_out;
        counts.bytes_in += open.numbers.bytes_in;
        counts.short_out += open.numbers.short_out;
        counts.short_in += open.numbers.short_in;
    }
    for (const auto& [ids, forwarded] : summary->forwarded) totals.backends[ids].forwarded = forwarded;

    std::map<std::pair<std::uint32_t, std::uint32_t>, md_traffic> saying;
    for (auto& [ids, traffic] : totals.backends) {
        auto& counts = traffic.counted;
        traffic.open = counts.opened > counts.closed ? counts.opened - counts.closed : 0;
        if (const auto before = said_.find(ids); before != said_.end())
            for (const auto member :
                 {&md_traffic::bytes_out, &md_traffic::bytes_in, &md_traffic::short_out, &md_traffic::short_in})
                counts.*member = std::max(counts.*member, before->second.*member);
        saying.emplace(ids, counts);
    }
    said_ = std::move(saying);
    return totals;
}

base::Result<void> Totaller::retire(const Names& names) {
    const auto counted = maps_.traffic();
    if (!counted) return tl::make_unexpected(counted.error());
    std::map<std::uint32_t, md_traffic> retired;  // by service id
    for (const auto& [ids, traffic] : *counted) {
        const auto& [service, backend] = ids;
        if (names.backends.contains(backend) || traffic.opened > traffic.closed) continue;
        if (names.services.contains(service)) {
            if (backend == gone_backends) continue;
            // First there, then no longer here: a crash in between counts twice, and takes nothing back.
            auto sum = traffic;
            if (const auto before = retired.find(service); before != retired.end())
                add(sum, before->second);
            else if (const auto found = counted->find({service, gone_backends}); found != counted->end())
                add(sum, found->second);
            if (auto put = maps_.put_traffic_of_gone(service, sum); !put) return put;
            retired[service] = sum;
        }
        if (auto forgotten = maps_.forget_traffic(service, backend); !forgotten) return forgotten;
    }
    return {};
}

}  // namespace meshd::flows
