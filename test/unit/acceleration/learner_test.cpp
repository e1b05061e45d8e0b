// SPDX-License-Identifier: Apache-2.0
#include "acceleration/learner.hpp"

#include <gtest/gtest.h>

namespace meshd::acceleration {
namespace {

using namespace std::chrono_literals;

const Learner::Clock::time_point start{1000s};

// Lets so many connections of "web" leave, one each `step`, when `opened` of them are opened for each that leaves.
std::optional<Learner::Clock::time_point> leave(Learner& learner, int count, std::uint64_t opened, std::chrono::milliseconds step,
                                                Learner::Clock::time_point from = start) {
    std::optional<Learner::Clock::time_point> until;
    for (int i = 0; i < count; ++i)
        if (const auto now = learner.left("web", (static_cast<std::uint64_t>(i) + 1) * opened, from + i * step)) until = now;
    return until;
}

TEST(Learner, LeavesAServiceAloneOfWhichFewConnectionsLeave) {
    Learner learner;
    EXPECT_FALSE(leave(learner, 15, 1, 10ms));
    EXPECT_TRUE(learner.off(start + 1s).empty());
}

TEST(Learner, TakesAServiceOffOfWhichManyLeaveAtOnce) {
    Learner learner;
    const auto until = leave(learner, 16, 1, 10ms);
    ASSERT_TRUE(until);
    EXPECT_EQ(*until, start + 15 * 10ms + Learner::first_time);
    EXPECT_EQ(learner.off(start + 1s).count("web"), 1U);
    EXPECT_TRUE(learner.off(*until).empty());
}

TEST(Learner, LeavesAServiceAloneOfWhichManyMoreStay) {
    Learner learner;
    EXPECT_FALSE(leave(learner, 40, 20, 10ms)) << "one of twenty left";
}

TEST(Learner, ForgetsWhatLeftLongAgo) {
    Learner learner;
    EXPECT_FALSE(leave(learner, 40, 1, 1s)) << "never more than eleven within the window";
}

TEST(Learner, DoublesTheTimeWhenItHappensAgain) {
    Learner learner;
    const auto first = leave(learner, 16, 1, 0ms);
    ASSERT_TRUE(first);
    const auto second = leave(learner, 16, 1, 0ms, *first);
    ASSERT_TRUE(second);
    EXPECT_EQ(*second - *first, 2 * Learner::first_time);
}

TEST(Learner, TakesAServiceOffOfWhichMostMessagesTakeTcp) {
    Learner learner;
    EXPECT_FALSE(learner.sent("web", {1000, 999}, start)) << "too few to tell";
    EXPECT_FALSE(learner.sent("web", {1001, 1000}, start)) << "more than half gained";
    EXPECT_EQ(learner.sent("web", {1000, 1000}, start), start + Learner::first_time);
    EXPECT_FALSE(learner.sent("web", {0, 100000}, start + 10s)) << "off already: connections from before go on";
    EXPECT_EQ(learner.sent("web", {0, 1000}, start + Learner::first_time), start + 3 * Learner::first_time) << "twice as long";
}

TEST(Learner, BeginsAnewAfterAQuietTime) {
    Learner learner;
    const auto first = leave(learner, 16, 1, 0ms);
    ASSERT_TRUE(first);
    const auto later = *first + Learner::first_time + 1s;
    learner.expire(later);
    EXPECT_EQ(*leave(learner, 16, 1, 0ms, later) - later, Learner::first_time);
}

TEST(Learner, DoesNotCountWhileAServiceIsOff) {
    Learner learner;
    ASSERT_TRUE(leave(learner, 16, 1, 0ms));
    EXPECT_FALSE(leave(learner, 100, 1, 0ms));
}

}  // namespace
}  // namespace meshd::acceleration
