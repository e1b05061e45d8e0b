// SPDX-License-Identifier: Apache-2.0
#include "lib/score.h"

#include <cmath>

#include <gtest/gtest.h>

namespace {

constexpr std::uint64_t second = 1000000000;
constexpr std::uint64_t start = 1000 * second;

TEST(Decay, IsTheExponentialWithinFourTenthsOfAPercent) {
    for (std::uint64_t age = 0; age < 60 * second; age += 1234567) {
        const auto exact = std::exp(-static_cast<double>(age) / MD_DECAY_NS);
        EXPECT_NEAR(md_decay(age) / double{MD_ONE}, exact, 0.004 * exact + 2.0 / MD_ONE) << age;
    }
}

TEST(Decay, NeverGrowsAndEndsAtNothing) {
    EXPECT_EQ(md_decay(0), unsigned{MD_ONE});
    for (std::uint64_t age = 0; age < 120 * second; age += 1111111) EXPECT_GE(md_decay(age), md_decay(age + 1111111));
    EXPECT_EQ(md_decay(~std::uint64_t{0}), 0U);
    EXPECT_EQ(md_decay(113 * second), 0U);
}

struct Smoothed {
    __u32 value = 0;
    __u64 then = 0;
    void add(__u32 sample, std::uint64_t now) { md_smooth_time(&value, &then, sample, now); }
};

TEST(SmoothTime, TakesAPeakAtOnce) {
    Smoothed time;
    time.add(100, start);
    time.add(5000, start + 1);
    EXPECT_EQ(time.value, 5000U);
}

// The exact peak EWMA of samples that are all better is sample + (peak - sample) * exp(-age / tau).
TEST(SmoothTime, ComesDownWithTheTimeConstantWhateverTheRateOfSamples) {
    for (const std::uint64_t gap : {second / 10000, second / 100, second / 3}) {
        Smoothed time;
        time.add(10000, start);
        std::uint64_t now = start;
        while (now < start + 10 * second) time.add(1000, now += gap);
        EXPECT_NEAR(md_decayed(time.value, time.then, now), 1000 + 9000 * std::exp(-1.0), 150) << gap;
    }
}

TEST(SmoothTime, SettlesAtASteadySample) {
    Smoothed time;
    time.add(500000, start);
    std::uint64_t now = start;
    for (int i = 0; i < 200000; ++i) time.add(300, now += second / 1000);
    EXPECT_NEAR(time.value, 300, 10);
}

TEST(SmoothTime, StandsAClockThatGoesBack) {
    Smoothed time;
    time.add(100, start);
    time.add(50, start - second);
    EXPECT_EQ(time.value, 100U);
}

md_vitals vitals_of(std::int32_t open, std::uint32_t connect_us, std::uint32_t response_us, std::uint16_t failures) {
    md_vitals vitals{};
    vitals.open = open;
    vitals.connect_us = connect_us;
    vitals.response_us = response_us;
    vitals.failures = failures;
    vitals.connect_ns = vitals.response_ns = vitals.judged_ns = start;
    return vitals;
}

TEST(LatencyScore, IsTheFormula) {
    const auto vitals = vitals_of(3, 200, 800, MD_FAILURES_ONE / 4);
    EXPECT_EQ(md_latency_score(&vitals, 1000000, start), 1000U * 4 + 249984U);
    EXPECT_EQ(md_latency_score(&vitals, 0, start), 4000U);
    EXPECT_NEAR(static_cast<double>(md_latency_score(&vitals, 1000000, start + 10 * second)), 253984 * std::exp(-1.0), 900);
}

TEST(LatencyScore, TriesAnUnknownBackendOneConnectionAtATime) {
    const auto idle = vitals_of(0, 0, 0, 0);
    const auto tried = vitals_of(1, 0, 0, 0);
    const auto slow = vitals_of(5, 100000, 0, 0);
    EXPECT_EQ(md_latency_score(&idle, 1000000, start), 0U);
    EXPECT_GT(md_latency_score(&tried, 1000000, start), md_latency_score(&slow, 1000000, start));
    EXPECT_EQ(md_latency_score(nullptr, 1000000, start), 0U);
}

TEST(LatencyScore, DoesNotOverflow) {
    const auto worst = vitals_of(INT32_MAX, UINT32_MAX, UINT32_MAX, MD_FAILURES_ONE);
    const auto best = vitals_of(INT32_MAX - 1, UINT32_MAX, UINT32_MAX, MD_FAILURES_ONE);
    EXPECT_GT(md_latency_score(&worst, UINT32_MAX, start), md_latency_score(&best, UINT32_MAX, start));
}

TEST(LeastScore, CountsConnectionsForEachUnitOfWeight) {
    const auto three = vitals_of(3, 0, 0, 0);
    const auto seven = vitals_of(7, 0, 0, 0);
    EXPECT_EQ(md_least_score(&three, 1), md_least_score(&seven, 2));
    EXPECT_LT(md_least_score(&three, 1), md_least_score(&seven, 1));
    const auto lost = vitals_of(-2, 0, 0, 0);
    EXPECT_EQ(md_least_score(&lost, 1), md_least_score(nullptr, 1)) << "a lost count is none";
}

TEST(Warmth, GrowsFromASixteenthToOne) {
    md_vitals vitals{};
    vitals.ready_since_ns = start;
    EXPECT_EQ(md_warmth(&vitals, 30000, start), MD_ONE / 16U);
    EXPECT_EQ(md_warmth(&vitals, 30000, start + 15 * second), MD_ONE / 2U);
    EXPECT_EQ(md_warmth(&vitals, 30000, start + 30 * second), unsigned{MD_ONE});
    EXPECT_EQ(md_warmth(&vitals, 0, start), unsigned{MD_ONE}) << "no slow start";
    EXPECT_EQ(md_warmth(nullptr, 30000, start), unsigned{MD_ONE}) << "nothing is known of it";
    vitals.ready_since_ns = 0;
    EXPECT_EQ(md_warmth(&vitals, 30000, start), unsigned{MD_ONE}) << "there for long";
}

}  // namespace
