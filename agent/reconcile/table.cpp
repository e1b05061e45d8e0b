// SPDX-License-Identifier: Apache-2.0
#include "reconcile/table.hpp"

#include <algorithm>
#include <numeric>

#include "reconcile/encode.hpp"
#include "reconcile/guidance.hpp"

namespace meshd::reconcile {

std::vector<std::uint32_t> slot_counts(const std::vector<std::uint32_t>& weights, std::uint32_t most) {
    std::uint32_t divisor = 0;
    std::uint64_t sum = 0;
    for (const auto weight : weights) {
        divisor = std::gcd(divisor, weight);
        sum += weight;
    }
    std::vector<std::uint32_t> counts(weights.size());
    if (sum == 0) return counts;
    if (sum / divisor <= most) {
        std::transform(weights.begin(), weights.end(), counts.begin(), [&](std::uint32_t weight) { return weight / divisor; });
        return counts;
    }

    return apportion(weights, most);
}

std::vector<std::uint32_t> apportion(const std::vector<std::uint32_t>& weights, std::uint32_t slots) {
    const auto sum = std::accumulate(weights.begin(), weights.end(), std::uint64_t{0});
    std::vector<std::uint32_t> counts(weights.size());
    if (sum == 0) return counts;
    // Everybody gets one slot, the rest is shared out in proportion; what rounding leaves over goes to the largest remainders.
    const std::uint64_t spare = slots - weights.size();
    std::vector<std::pair<std::uint64_t, std::size_t>> remainders;
    std::uint64_t given = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        const auto exact = std::uint64_t{weights[i]} * spare;
        counts[i] = static_cast<std::uint32_t>(1 + exact / sum);
        given += exact / sum;
        remainders.emplace_back(exact % sum, i);
    }
    std::sort(remainders.begin(), remainders.end(),
              [](const auto& a, const auto& b) { return a.first != b.first ? a.first > b.first : a.second < b.second; });
    for (std::size_t i = 0; given < spare; ++i, ++given) ++counts[remainders[i].second];
    return counts;
}

std::vector<std::uint32_t> smooth_order(const std::vector<std::uint32_t>& counts) {
    const auto total = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
    std::vector<std::int64_t> current(counts.size());
    std::vector<std::uint32_t> order;
    order.reserve(static_cast<std::size_t>(total));
    for (std::int64_t step = 0; step < total; ++step) {
        std::size_t best = 0;
        for (std::size_t i = 0; i < counts.size(); ++i) {
            current[i] += counts[i];
            if (current[i] > current[best]) best = i;
        }
        current[best] -= total;
        order.push_back(static_cast<std::uint32_t>(best));
    }
    return order;
}

namespace {

// How many slots each has: near ones and others are counted on one scale.
std::vector<std::uint32_t> counts_of(const std::vector<Candidate>& family, const TablePolicy& policy) {
    if (policy.balancing == model::Balancing::round_robin && !policy.has_subsets)
        return std::vector<std::uint32_t>(family.size(), 1);
    std::vector<std::uint32_t> weights;
    std::transform(family.begin(), family.end(), std::back_inserter(weights),
                   [](const auto& candidate) { return candidate.weight; });
    if (policy.has_subsets) return slot_counts(weights, UINT32_MAX);
    // More backends than the usual bound: each still gets its slot.
    return slot_counts(weights, std::max<std::uint32_t>(MD_MAX_SLOTS, static_cast<std::uint32_t>(weights.size())));
}

std::vector<std::uint32_t> order_of(const std::vector<std::uint32_t>& counts, md_pick pick) {
    std::vector<std::uint32_t> order(counts.size());
    std::iota(order.begin(), order.end(), 0U);
    if (std::all_of(counts.begin(), counts.end(), [](std::uint32_t count) { return count == 1; })) return order;
    if (pick == MD_PICK_CYCLE) return smooth_order(counts);
    order.clear();  // drawn at random: the order of slots does not matter
    for (std::uint32_t i = 0; i < counts.size(); ++i) order.insert(order.end(), counts[i], i);
    return order;
}

// The slots of one family, those of near backends first; answers with how many those are.
std::uint32_t append(std::vector<md_slot>& table, const std::vector<Candidate>& family, const TablePolicy& policy) {
    const auto counts = counts_of(family, policy);
    std::uint32_t near = 0;
    for (const bool is_near : {true, false}) {
        std::vector<std::uint32_t> members;
        std::vector<std::uint32_t> member_counts;
        for (std::uint32_t i = 0; i < family.size(); ++i) {
            if (family[i].is_near != is_near) continue;
            members.push_back(i);
            member_counts.push_back(counts[i]);
        }
        for (const auto member : order_of(member_counts, pick_of(policy.balancing))) {
            const auto& candidate = family[members[member]];
            md_slot slot{};
            slot.backend_id = candidate.id;
            slot.backend = candidate.endpoint;
            slot.weight = candidate.own_weight;
            slot.subset = candidate.subset;
            table.push_back(slot);
            near += is_near ? 1 : 0;
        }
    }
    return near;
}

}  // namespace

std::vector<md_slot> build_table(std::vector<Candidate> candidates, const TablePolicy& policy) {
    // The order of a registry's answer means nothing, and must not replace tables.
    std::sort(candidates.begin(), candidates.end(),
              [](const auto& a, const auto& b) { return BytesLess{}(a.endpoint, b.endpoint); });
    std::vector<Candidate> v4;
    std::vector<Candidate> v6;
    for (const auto& candidate : candidates) (decode(candidate.endpoint).address.is_v4() ? v4 : v6).push_back(candidate);

    md_table head{};
    std::vector<md_slot> table;
    head.near_v4 = append(table, v4, policy);
    head.slots_v4 = static_cast<std::uint32_t>(table.size());
    head.near_v6 = append(table, v6, policy);
    head.slots_v6 = static_cast<std::uint32_t>(table.size()) - head.slots_v4;
    if (table.empty()) table.emplace_back();
    head.pick = pick_of(policy.balancing);
    head.no_backend =
        policy.when_no_backend == model::WhenNoBackend::unreachable ? MD_NO_BACKEND_UNREACHABLE : MD_NO_BACKEND_REFUSE;
    head.way = encode(policy.acceleration);
    head.forward = static_cast<std::uint8_t>(policy.forward);
    head.affinity_s = policy.affinity_s;
    head.guided = policy.guided;
    head.tls = policy.tls;
    for (auto& slot : table) slot.table = head;
    return table;
}

}  // namespace meshd::reconcile
