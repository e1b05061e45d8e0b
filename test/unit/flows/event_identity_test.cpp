// SPDX-License-Identifier: Apache-2.0
#include "flows/event_identity.hpp"

#include <set>

#include <gtest/gtest.h>

namespace meshd::flows {
namespace {

using namespace std::chrono_literals;

md_flow_event event(std::uint16_t port, std::uint32_t change) {
    md_flow_event one{};
    one.key.low_port = port;
    one.key.protocol = 6;
    one.change = change;
    one.flow.start_ns = 5'000'000'000;
    return one;
}

TEST(FlowId, IsTheSameForAllEventsOfAFlow) {
    auto ended = event(80, MD_FLOW_ENDED);
    ended.flow.seen_ns = 7;
    ended.flow.ways[0].bytes = 9;
    ended.flow.cgroup = 3;
    EXPECT_EQ(flow_id(event(80, MD_FLOW_OPENED)), flow_id(ended));
}

TEST(FlowId, IsAnotherForAnotherFlow) {
    std::set<std::uint64_t> ids;
    for (std::uint16_t port = 1; port <= 1000; ++port) ids.insert(flow_id(event(port, MD_FLOW_OPENED)));
    auto later = event(1, MD_FLOW_OPENED);
    ++later.flow.start_ns;
    ids.insert(flow_id(later));
    EXPECT_EQ(ids.size(), 1001U);
}

TEST(FlowId, IsSpreadEvenly) {
    int lower_half = 0;
    for (std::uint16_t port = 1; port <= 10'000; ++port)
        lower_half += flow_id(event(port, MD_FLOW_OPENED)) < (std::uint64_t{1} << 63U) ? 1 : 0;
    EXPECT_NEAR(lower_half, 5000, 250);
}

TEST(FlowId, ShowsSixteenDigits) { EXPECT_EQ(id_text(255), "00000000000000ff"); }

TEST(EventTime, IsWhenItHappenedNotWhenItIsTold) {
    auto one = event(80, MD_FLOW_ENDED);
    one.flow.seen_ns = 10'000'000'000;
    const std::chrono::system_clock::time_point now(1772370130s + 500ms);
    EXPECT_EQ(event_time(one, 12'376'544'000, now), "2026-03-01T13:02:08.123456Z");
    one.flow.seen_ns = 0;  // then it has just begun
    EXPECT_EQ(event_time(one, 5'500'000'000, now), "2026-03-01T13:02:10.000000Z");
}

}  // namespace
}  // namespace meshd::flows
