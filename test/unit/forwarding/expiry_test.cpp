// SPDX-License-Identifier: Apache-2.0
#include "forwarding/expiry.hpp"

#include <gtest/gtest.h>

namespace meshd::forwarding {
namespace {

constexpr std::uint64_t second = 1'000'000'000;
constexpr std::uint64_t now = 1'000'000 * second;

md_track track(md_track_state state, std::uint64_t seen_s_ago) {
    md_track value{};
    value.kind = MD_TRACK_REQUEST;
    value.state = static_cast<std::uint8_t>(state);
    value.seen_ns = now - seen_s_ago * second;
    return value;
}

const TimeoutsNs timeouts = timeouts_ns(config::TrackTimeouts{});

struct Row {
    const char* name;
    md_track_state state;
    std::uint64_t timeout_s;
};
class Expiry : public testing::TestWithParam<Row> {};
TEST_P(Expiry, ComesWhenNeitherDirectionWasSeenForTheTimeOfTheState) {
    const auto [name, state, timeout_s] = GetParam();
    const auto old = track(state, timeout_s + 1);
    const auto fresh = track(state, timeout_s);
    EXPECT_TRUE(is_over(old, nullptr, timeouts, now));
    EXPECT_TRUE(is_over(old, &old, timeouts, now));
    EXPECT_FALSE(is_over(old, &fresh, timeouts, now));
    EXPECT_FALSE(is_over(fresh, &old, timeouts, now));
    EXPECT_FALSE(may_be_over(fresh, timeouts, now));
}
INSTANTIATE_TEST_SUITE_P(States, Expiry,
                         testing::Values(Row{"Opening", MD_TRACK_OPENING, 30},
                                         Row{"Established", MD_TRACK_ESTABLISHED, 2 * 3600 + 4 * 60},
                                         Row{"Closing", MD_TRACK_CLOSING, 240}, Row{"Closed", MD_TRACK_CLOSED, 10},
                                         Row{"Udp", MD_TRACK_UDP, 300}),
                         [](const auto& row) { return row.param.name; });

TEST(Expiry, GoesByTheStateOfBothWhileOneHasNotSeenTheChange) {
    const auto closed = track(MD_TRACK_CLOSED, 60);
    const auto open = track(MD_TRACK_ESTABLISHED, 60);
    EXPECT_FALSE(is_over(closed, &open, timeouts, now));
}

TEST(Expiry, DoesNotComeForATrackThatWasSeenAfterTheClockWasRead) {
    auto later = track(MD_TRACK_CLOSED, 0);
    later.seen_ns = now + second;
    EXPECT_FALSE(is_over(later, nullptr, timeouts, now));
}

TEST(Expiry, OfAStateThatIsNotKnownIsThatOfTheLast) {
    auto strange = track(MD_TRACK_CLOSED, 301);
    strange.state = 200;
    EXPECT_TRUE(may_be_over(strange, timeouts, now));
    strange.seen_ns += 2 * second;
    EXPECT_FALSE(may_be_over(strange, timeouts, now));
}

TEST(OtherWay, IsWhatTheTrackLeadsToTurnedRound) {
    md_track value{};
    value.source.bytes[0] = 1;
    value.destination.bytes[0] = 2;
    value.source_port = 3;
    value.destination_port = 4;
    const auto key = other_way(value);
    EXPECT_EQ(key.source.bytes[0], 2);
    EXPECT_EQ(key.destination.bytes[0], 1);
    EXPECT_EQ(key.source_port, 4);
    EXPECT_EQ(key.destination_port, 3);
}

}  // namespace
}  // namespace meshd::forwarding
