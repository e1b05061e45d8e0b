// SPDX-License-Identifier: Apache-2.0
#include "health/schedule.hpp"

#include <algorithm>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace meshd::health {
namespace {

using namespace std::chrono_literals;

const Clock::time_point begin{1h};

model::Probe every(std::chrono::milliseconds interval, std::uint16_t jitter_permille) {
    model::Probe probe;
    probe.interval_ms = static_cast<std::uint32_t>(interval.count());
    probe.jitter_permille = jitter_permille;
    return probe;
}

TEST(Schedule, BeginsWithinTheFirstIntervalAndItsJitter) {
    for (std::uint64_t seed = 0; seed < 1000; ++seed) {
        const Schedule schedule(begin, every(1s, 100), seed);
        EXPECT_GE(schedule.due(), begin);
        EXPECT_LT(schedule.due(), begin + 1100ms);
    }
}

TEST(Schedule, SpreadsTargetsOverTheInterval) {
    std::vector<int> tenths(10);
    for (std::uint64_t seed = 0; seed < 10000; ++seed)
        ++tenths[static_cast<std::size_t>((Schedule(begin, every(1s, 0), seed).due() - begin) / 100ms)];
    // Ten thousand draws of one in ten: 1000 each, and five standard deviations are 150.
    for (const auto count : tenths) EXPECT_NEAR(count, 1000, 150);
}

TEST(Schedule, TheSameSeedGivesTheSameTimes) {
    Schedule one(begin, every(1s, 200), 7);
    Schedule other(begin, every(1s, 200), 7);
    std::set<Clock::duration> offsets;
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(one.due(), other.due());
        offsets.insert((one.due() - begin) % 1s);
        one.advance(one.due());
        other.advance(other.due());
    }
    EXPECT_GT(offsets.size(), 90U) << "the jitter is always the same";
}

TEST(Schedule, JitterDoesNotAddUp) {
    Schedule schedule(begin, every(1s, 500), 3);
    const auto first = schedule.due();
    for (int i = 0; i < 1000; ++i) {
        const auto before = schedule.due();
        schedule.advance(before);
        const auto step = schedule.due() - before;
        EXPECT_GT(step, 499ms);
        EXPECT_LT(step, 1501ms);
    }
    EXPECT_NEAR(std::chrono::duration<double>(schedule.due() - first).count(), 1000, 0.51);
}

TEST(Schedule, WithoutJitterItIsAGrid) {
    Schedule schedule(begin, every(250ms, 0), 3);
    const auto first = schedule.due();
    for (int i = 1; i < 10; ++i) {
        schedule.advance(schedule.due());
        EXPECT_EQ(schedule.due(), first + i * 250ms);
    }
}

TEST(Schedule, LeavesOutWhatHasPassed) {
    Schedule schedule(begin, every(1s, 100), 3);
    const auto first = schedule.due();
    schedule.advance(first + 1h);
    EXPECT_GT(schedule.due(), first + 1h);
    EXPECT_LT(schedule.due(), first + 1h + 1200ms);
}

}  // namespace
}  // namespace meshd::health
