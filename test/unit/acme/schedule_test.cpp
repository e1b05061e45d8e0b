// SPDX-License-Identifier: Apache-2.0
#include "acme/schedule.hpp"

#include <gtest/gtest.h>

namespace meshd::acme {
namespace {

using namespace std::chrono_literals;

const Time start = Time(1'000'000s);

TEST(Renewal, IsDueWhenAThirdIsLeft) {
    EXPECT_EQ(renewal_of(start, start + 90h, {}, 0), start + 60h);
    EXPECT_EQ(renewal_of(start, start + 100h, {}, 1), start + 100h - 120'000s - 5h);
}

TEST(Renewal, IsDueAsLongBeforeTheEndAsIsWritten) {
    model::AcmeSettings settings;
    settings.renew_before = 10h;
    EXPECT_EQ(renewal_of(start, start + 100h, settings, 0), start + 90h);
    EXPECT_EQ(renewal_of(start, start + 100h, settings, 1), start + 85h);
}

TEST(Renewal, IsNeverDueInTheFirstThird) {
    model::AcmeSettings settings;
    settings.renew_before = 720h;
    EXPECT_EQ(renewal_of(start, start + 90h, settings, 0), start + 30h);
    EXPECT_EQ(renewal_of(start, start + 90h, settings, 1), start + 30h);
}

TEST(WaitAfterFailures, IsTwiceAsLongEachTimeUpToADay) {
    std::vector<std::int64_t> minutes;
    for (std::uint32_t failures = 1; failures <= 13; ++failures) minutes.push_back(wait_after(failures, false, 1) / 1min);
    EXPECT_EQ(minutes, (std::vector<std::int64_t>{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1440, 1440}));
    EXPECT_EQ(wait_after(1'000'000, false, 1), 24h);
    EXPECT_EQ(wait_after(1, false, 0), 30s);
    EXPECT_EQ(wait_after(2, false, 0), 1min);
}

TEST(WaitAfterFailures, IsLongerForWhoAskedTooOften) {
    EXPECT_EQ(wait_after(1, true, 0), 1h);
    EXPECT_EQ(wait_after(12, true, 1), 24h);
}

}  // namespace
}  // namespace meshd::acme
