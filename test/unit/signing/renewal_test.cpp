// SPDX-License-Identifier: Apache-2.0
#include "signing/renewal.hpp"

#include <gtest/gtest.h>

namespace meshd::signing {
namespace {

using namespace std::chrono_literals;

const Renewal::Time start = Renewal::Time(1'000'000s);

TEST(RenewalOf, NothingIsDueAtOnce) {
    const Renewal renewal;
    EXPECT_TRUE(renewal.is_due(start));
    EXPECT_FALSE(renewal.has_one());
    EXPECT_FALSE(renewal.is_valid(start));
}

TEST(RenewalOf, OneIsDueFromHalfOfItsTimeToThreeFifths) {
    Renewal renewal;
    renewal.has(start, start + 100s, 0);
    EXPECT_FALSE(renewal.is_due(start + 49s));
    EXPECT_TRUE(renewal.is_due(start + 50s));
    renewal.has(start, start + 100s, 1);
    EXPECT_FALSE(renewal.is_due(start + 59s));
    EXPECT_TRUE(renewal.is_due(start + 61s));
}

TEST(RenewalOf, OneThatEndedIsNotValid) {
    Renewal renewal;
    renewal.has(start, start + 100s, 0);
    EXPECT_FALSE(renewal.is_valid(start - 1s));
    EXPECT_TRUE(renewal.is_valid(start + 99s));
    EXPECT_FALSE(renewal.is_valid(start + 100s));
}

TEST(RenewalOf, OneThatFailsWaitsLongerEachTime) {
    Renewal renewal;
    renewal.has(start, start + 100s, 0);
    auto now = start + 50s;
    std::vector<std::int64_t> waits;
    for (int i = 0; i < 11; ++i) {
        renewal.failed(now, "no answer", 1);
        waits.push_back((renewal.next() - now) / 1s);
        now = renewal.next();
    }
    EXPECT_EQ(waits, (std::vector<std::int64_t>{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300}));
    EXPECT_EQ(renewal.problem(), "no answer");
    renewal.has(now, now + 100s, 0);
    EXPECT_EQ(renewal.problem(), "");
    renewal.failed(now, "no answer", 1);
    EXPECT_EQ(renewal.next(), now + 1s);
}

}  // namespace
}  // namespace meshd::signing
