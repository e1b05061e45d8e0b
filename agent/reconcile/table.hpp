// SPDX-License-Identifier: Apache-2.0
// A service's table of slots: how weights and policies become something that one draw of one slot can answer.
#pragma once

#include <cstdint>
#include <vector>

#include "meshd/abi.h"
#include "model/service.hpp"

namespace meshd::reconcile {

// One backend that may be chosen, with the id it has in the maps.
struct Candidate {
    std::uint32_t id = 0;
    md_endpoint endpoint{};
    std::uint32_t weight = 1;      // its share of the table
    std::uint16_t own_weight = 1;  // what the registry says
    std::size_t index = 0;         // in the list of its port
    std::uint8_t subset = 0;       // index in the service's
    bool is_near = false;          // see md_table.near_v4; nobody is near: all are the same
};

// How many slots each weight gets: weights divided by their greatest common divisor; when those would need more than `most`
// slots, the shares are rounded by largest remainder and nobody with a weight is left without a slot. Weights are at least 1;
// there are at most `most` of them.
std::vector<std::uint32_t> slot_counts(const std::vector<std::uint32_t>& weights, std::uint32_t most);

// Exactly `slots` slots, at least one for each weight; as many or more than there are weights.
std::vector<std::uint32_t> apportion(const std::vector<std::uint32_t>& weights, std::uint32_t slots);

// The order of slots in which each index i appears counts[i] times and is spread evenly (nginx's smooth weighted round-robin).
std::vector<std::uint32_t> smooth_order(const std::vector<std::uint32_t>& counts);

// What holds for the whole table.
struct TablePolicy {
    model::Balancing balancing = model::Balancing::random;
    model::WhenNoBackend when_no_backend = model::WhenNoBackend::refuse;
    model::Acceleration acceleration = model::Acceleration::automatic;
    md_forward forward = MD_FORWARD_NONE;
    std::uint32_t affinity_s = 0;
    std::uint8_t guided = 0;   // see md_table
    bool has_subsets = false;  // weights are counts of slots, or multiples of them
    std::uint8_t tls = 0;      // see md_table
};

// The table as it stands in the kernel: IPv4 slots, then IPv6 slots, of each those of near backends first, or one empty slot when
// nobody can be chosen. Equal input gives equal bytes.
std::vector<md_slot> build_table(std::vector<Candidate> candidates, const TablePolicy& policy);

}  // namespace meshd::reconcile
