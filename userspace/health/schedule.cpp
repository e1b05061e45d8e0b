// SPDX-License-Identifier: Apache-2.0
#include "health/schedule.hpp"

namespace meshd::health {

// The finalizer of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
std::uint64_t mix(std::uint64_t value) {
    value += 0x9e3779b97f4a7c15;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
    value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
    return value ^ (value >> 31);
}

namespace {

Clock::duration part_of(Clock::duration whole, std::uint64_t random) {
    return whole.count() > 0 ? Clock::duration(static_cast<std::int64_t>(random % static_cast<std::uint64_t>(whole.count())))
                             : Clock::duration{};
}

}  // namespace

Schedule::Schedule(Clock::time_point begin, const model::Probe& probe, std::uint64_t seed)
    : interval_(std::chrono::milliseconds(probe.interval_ms)),
      jitter_(interval_ * probe.jitter_permille / 1000),
      seed_(mix(seed)) {
    grid_ = begin + part_of(interval_, seed_);
    place(0);
}

void Schedule::place(std::uint64_t number) {
    number_ = number;
    due_ = grid_ + interval_ * static_cast<std::int64_t>(number) + part_of(jitter_, mix(seed_ + number));
}

void Schedule::advance(Clock::time_point now) {
    place(number_ + 1);
    if (due_ > now) return;
    const auto passed = now > grid_ ? static_cast<std::uint64_t>((now - grid_) / interval_) : 0;
    if (passed > number_) place(passed);
    if (due_ <= now) place(number_ + 1);
}

}  // namespace meshd::health
