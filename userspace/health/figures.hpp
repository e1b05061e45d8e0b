// SPDX-License-Identifier: Apache-2.0
// What the prober counts.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

#include "model/health.hpp"

namespace meshd::health {

// Upper bounds of buckets in microseconds; one more holds the rest.
template <std::size_t count>
struct Histogram {
    std::array<std::int64_t, count> bounds_us;
    std::array<std::uint64_t, count + 1> buckets{};
    std::uint64_t sum_us = 0;

    void add(std::chrono::nanoseconds time) {
        const auto us = std::chrono::duration_cast<std::chrono::microseconds>(time).count();
        ++buckets[static_cast<std::size_t>(std::lower_bound(bounds_us.begin(), bounds_us.end(), us) - bounds_us.begin())];
        sum_us += static_cast<std::uint64_t>(us);
    }
};

struct Figures {
    std::array<std::uint64_t, model::probe_results> results{};
    Histogram<10> duration{{500, 1000, 2500, 5000, 10000, 50000, 100000, 500000, 1000000, 5000000}};
    Histogram<9> lateness{{1000, 2500, 5000, 10000, 25000, 50000, 100000, 500000, 1000000}};  // from due to begun
};

}  // namespace meshd::health
