// SPDX-License-Identifier: Apache-2.0
#include "times.hpp"

#include <gtest/gtest.h>

namespace meshd::meshctl {
namespace {

const std::vector<std::int64_t> bounds{16, 32, 64};

TEST(Times, AreSpreadEvenlyWithinABucket) {
    const Times times{{0, 4, 0, 0}, bounds};
    EXPECT_EQ(times.quantile_us(0.5), 24.0);
    EXPECT_EQ(times.quantile_us(1.0), 32.0);
}

TEST(Times, BeginAtZero) { EXPECT_EQ((Times{{2, 0, 0, 0}, bounds}).quantile_us(0.5), 8.0); }

TEST(Times, SayTheLowerBoundOfTheLastBucket) { EXPECT_EQ((Times{{0, 0, 0, 3}, bounds}).quantile_us(0.99), 64.0); }

TEST(Times, FindTheTail) {
    const Times times{{0, 98, 0, 2}, bounds};
    EXPECT_LT(times.quantile_us(0.5), 32.0);
    EXPECT_EQ(times.quantile_us(0.99), 64.0);
}

TEST(Times, SayNothingOfNothing) {
    EXPECT_FALSE((Times{{0, 0, 0, 0}, bounds}).quantile_us(0.5));
    EXPECT_FALSE(Times{}.quantile_us(0.5));
}

TEST(Times, SubtractWhatWasCountedBefore) {
    const Times now{{5, 7, 0, 0}, bounds};
    EXPECT_EQ((now - Times{{5, 4, 0, 0}, bounds}).buckets, (std::vector<std::int64_t>{0, 3, 0, 0}));
    EXPECT_EQ((now - Times{}).buckets, now.buckets);
}

}  // namespace
}  // namespace meshd::meshctl
