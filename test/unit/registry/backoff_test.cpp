// SPDX-License-Identifier: Apache-2.0
#include "registry/backoff.hpp"

#include <gtest/gtest.h>

namespace meshd::registry {
namespace {

using std::chrono::milliseconds;

TEST(Backoff, DoublesUpToItsBound) {
    Backoff backoff;
    for (const auto wait : {100, 200, 400, 800, 1600, 3200, 6400, 12800, 15000, 15000})
        EXPECT_EQ(backoff.next(1), milliseconds(wait));
}

TEST(Backoff, IsSpreadOverTheUpperHalf) {
    EXPECT_EQ(Backoff().next(0), milliseconds(50));
    EXPECT_EQ(Backoff().next(0.5), milliseconds(75));
}

TEST(Backoff, BeginsAnewAfterASuccess) {
    Backoff backoff;
    backoff.next(1);
    backoff.next(1);
    backoff.reset();
    EXPECT_EQ(backoff.next(1), Backoff::first);
}

}  // namespace
}  // namespace meshd::registry
