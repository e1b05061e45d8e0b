// SPDX-License-Identifier: Apache-2.0
// When the attempts at one target are due. Pure: the same seed gives the same times.
#pragma once

#include <chrono>
#include <cstdint>

#include "model/health.hpp"

namespace meshd::health {

// Monotonic: a jump of the wall clock moves nothing.
using Clock = std::chrono::steady_clock;

// A grid of one interval, begun at a place of the first interval that the seed chooses, so that targets which come together are
// spread. Each attempt lies up to the jitter behind its place of the grid, which keeps the rate exact over time.
class Schedule {
public:
    Schedule(Clock::time_point begin, const model::Probe& probe, std::uint64_t seed);

    [[nodiscard]] Clock::time_point due() const { return due_; }
    // The next one; times that have passed are left out.
    void advance(Clock::time_point now);

private:
    void place(std::uint64_t number);

    Clock::time_point grid_;
    Clock::duration interval_;
    Clock::duration jitter_;
    std::uint64_t seed_;
    std::uint64_t number_ = 0;
    Clock::time_point due_;
};

std::uint64_t mix(std::uint64_t value);  // spreads all bits of a number over all bits of another

}  // namespace meshd::health
