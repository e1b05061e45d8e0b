// SPDX-License-Identifier: Apache-2.0
// A service's Maglev table: which backend a forwarded connection is given, by a hash of its addresses and ports. Every node that
// knows the same backends makes the same choices, and a change of some backends moves few connections of others. After Eisenbud
// et al., "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016, section 3.4.
#pragma once

#include <cstdint>
#include <vector>

#include "meshd/abi.h"
#include "reconcile/table.hpp"

namespace meshd::reconcile {

// The size of a table for so many backends: a prime of 550 places or more for each of them, 65537 at most. When one of them
// leaves, less than a hundredth of all places changes hands that the leaving one did not have, in the mean over who leaves (with
// 400 for each a little more, with 100 a fortieth; the tests measure it). Above 119 backends the table is as large as it gets,
// and it is less than a hundredth since each has so few places. Count all backends of a family, usable or not, so that taking one
// out for a while does not change the size, which would move nearly everything.
std::uint32_t maglev_size(std::size_t backends);

// For each place of a table of `size`, a prime, the index of its candidate; empty without candidates. Depends on endpoints and
// weights only, not on ids and order. Each candidate gets places in proportion to its weight, at least 1.
std::vector<std::uint32_t> maglev_places(const std::vector<Candidate>& candidates, std::uint32_t size);

// What a table is made from: those that may be chosen, and how many backends there are of each family.
struct MaglevInput {
    std::vector<Candidate> candidates;
    std::size_t backends_v4 = 0, backends_v6 = 0;
};

// Equal for equal input whatever its order; never 0. Ids count, for the rows hold them.
std::uint64_t maglev_fingerprint(const MaglevInput& input);

// The rows as they stand in the kernel.
std::vector<md_maglev> build_maglev(const MaglevInput& input);

}  // namespace meshd::reconcile
