// SPDX-License-Identifier: Apache-2.0
#include "base/time_text.hpp"

#include <gtest/gtest.h>

namespace meshd::base {
namespace {

using std::chrono::system_clock;
using namespace std::chrono_literals;

TEST(TimeText, IsUtcInWholeSeconds) {
    EXPECT_EQ(time_text(system_clock::from_time_t(1769846400) + 900ms), "2026-01-31T08:00:00Z");
}

TEST(TimeText, OfTheEpochIsEmpty) { EXPECT_EQ(time_text({}), ""); }

}  // namespace
}  // namespace meshd::base
