// SPDX-License-Identifier: Apache-2.0
#include "reconcile/shares.hpp"

#include <algorithm>
#include <map>
#include <numeric>

#include "reconcile/encode.hpp"

namespace meshd::reconcile {

namespace {

using model::Near;

// In which subset a backend is: the first whose labels it has.
std::size_t subset_of(const model::Backend& backend, const std::vector<model::Subset>& subsets) {
    const auto found = std::find_if(subsets.begin(), subsets.end(), [&](const model::Subset& subset) {
        return model::has_labels(backend.labels, subset.labels);
    });
    return static_cast<std::size_t>(found - subsets.begin());
}

void keep_subsets(std::vector<Candidate>& candidates, const std::vector<model::Subset>& subsets, const model::ServicePort& port) {
    std::erase_if(candidates, [&](Candidate& candidate) {
        const auto subset = subset_of(port.backends[candidate.index], subsets);
        candidate.subset = static_cast<std::uint8_t>(subset);
        return subset == subsets.size() || subsets[subset].weight == 0;
    });
}

// The narrowest area, from the preferred one outwards, in which enough of the backends are usable.
void mark_near(std::vector<Candidate>& candidates, const model::BalancingOptions& options, const model::ServicePort& port,
               std::string_view locality) {
    for (auto near = options.prefer; near != Near::anywhere; near = static_cast<Near>(static_cast<std::uint8_t>(near) - 1)) {
        const auto is_in = [&](const model::Backend& backend) { return model::is_near(locality, backend.locality, near); };
        const auto all = std::count_if(port.backends.begin(), port.backends.end(),
                                       [&](const auto& backend) { return backend.weight > 0 && is_in(backend); });
        const auto usable = std::count_if(candidates.begin(), candidates.end(),
                                          [&](const auto& candidate) { return is_in(port.backends[candidate.index]); });
        if (usable == 0 || usable * 100 < all * options.spill_below_percent) continue;
        for (auto& candidate : candidates) candidate.is_near = is_in(port.backends[candidate.index]);
        return;
    }
}

struct Members {
    std::vector<Candidate*> of;
    std::uint64_t weight = 0;  // of all members
};

using Subsets = std::map<std::uint8_t, Members>;

// Weights that make the shares exact, as small as can be; nothing when a table would need more slots than it may have.
bool weigh_exactly(const Subsets& groups, const std::vector<model::Subset>& subsets) {
    constexpr std::uint64_t most = 1ULL << 32U;
    std::uint64_t multiple = 1;
    for (const auto& [subset, members] : groups) {
        multiple = std::lcm(multiple, members.weight);
        if (multiple > most) return false;
    }
    std::uint64_t sum = 0;
    std::uint64_t divisor = 0;
    std::vector<std::pair<Candidate*, std::uint64_t>> weights;
    for (const auto& [subset, members] : groups)
        for (auto* const member : members.of) {
            const auto weight = std::uint64_t{member->weight} * subsets[subset].weight * (multiple / members.weight);
            weights.emplace_back(member, weight);
            divisor = std::gcd(divisor, weight);
            sum += weight;
        }
    if (sum / divisor > MD_MAX_SLOTS) return false;
    for (const auto& [member, weight] : weights) member->weight = static_cast<std::uint32_t>(weight / divisor);
    return true;
}

// Slots for each subset in proportion to its weight, and those for its members in proportion to theirs. A subset with many
// members and little weight makes the table longer, up to a bound: each member gets a slot.
void weigh_by_slots(const Subsets& groups, const std::vector<model::Subset>& subsets) {
    constexpr std::uint64_t most_slots = 65536;
    std::uint64_t sum = 0;
    std::uint64_t slots = MD_MAX_SLOTS;
    for (const auto& [subset, members] : groups) sum += subsets[subset].weight;
    for (const auto& [subset, members] : groups)
        slots = std::max(slots, (members.of.size() * sum + subsets[subset].weight - 1) / subsets[subset].weight);
    slots = std::min(slots, most_slots);
    for (const auto& [subset, members] : groups) {
        const auto share = std::max<std::uint64_t>((slots * subsets[subset].weight + sum / 2) / sum, members.of.size());
        std::vector<std::uint32_t> weights;
        for (const auto* const member : members.of) weights.push_back(member->weight);
        const auto counts = apportion(weights, static_cast<std::uint32_t>(share));
        for (std::size_t i = 0; i < counts.size(); ++i) members.of[i]->weight = counts[i];
    }
}

// In each part of the table that is drawn from by itself.
void weigh_subsets(std::vector<Candidate>& candidates, const std::vector<model::Subset>& subsets) {
    std::map<std::pair<bool, bool>, Subsets> parts;
    for (auto& candidate : candidates) {
        auto& members = parts[{decode(candidate.endpoint).address.is_v4(), candidate.is_near}][candidate.subset];
        members.of.push_back(&candidate);
        members.weight += candidate.weight;
    }
    for (const auto& [part, groups] : parts)
        if (!weigh_exactly(groups, subsets)) weigh_by_slots(groups, subsets);
}

}  // namespace

std::vector<Candidate> share_out(std::vector<Candidate> usable, const model::Service& service, const model::ServicePort& port,
                                 std::string_view locality) {
    if (service.balancing == model::Balancing::round_robin)  // each in turn, whatever its weight
        for (auto& candidate : usable) candidate.weight = 1;
    if (!service.subsets.empty()) keep_subsets(usable, service.subsets, port);
    mark_near(usable, service.balancing_options, port, locality);
    if (!service.subsets.empty()) weigh_subsets(usable, service.subsets);
    return usable;
}

}  // namespace meshd::reconcile
