// SPDX-License-Identifier: Apache-2.0
// The time of day for things that last: it goes on as CLOCK_MONOTONIC does, whatever somebody sets the clock to meanwhile, so
// that an hour is an hour.
#pragma once

#include <chrono>
#include <cstdint>

namespace meshd::health {

class SteadyWall {
public:
    using Time = std::chrono::system_clock::time_point;

    [[nodiscard]] Time now() const { return at(std::chrono::steady_clock::now()); }
    // Of the kernel: bpf_ktime_get_ns().
    [[nodiscard]] Time at(std::uint64_t monotonic_ns) const {
        return at(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(monotonic_ns)));
    }
    [[nodiscard]] std::chrono::steady_clock::time_point steady(Time time) const {
        return steady_ + std::chrono::duration_cast<std::chrono::steady_clock::duration>(time - wall_);
    }
    // A time of this clock as one of the day as it is set now, and back: for what outlives the process.
    [[nodiscard]] Time to_day(Time time) const { return std::chrono::system_clock::now() + (time - now()); }
    [[nodiscard]] Time from_day(Time time) const { return now() + (time - std::chrono::system_clock::now()); }

private:
    [[nodiscard]] Time at(std::chrono::steady_clock::time_point time) const {
        return wall_ + std::chrono::duration_cast<std::chrono::system_clock::duration>(time - steady_);
    }

    Time wall_ = std::chrono::system_clock::now();
    std::chrono::steady_clock::time_point steady_ = std::chrono::steady_clock::now();
};

}  // namespace meshd::health
