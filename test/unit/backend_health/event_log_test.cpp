// SPDX-License-Identifier: Apache-2.0
#include "health/event_log.hpp"

#include <gmock/gmock.h>
#include <boost/json.hpp>

namespace meshd::health {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const Clock::time_point noon{12h};
const BackendKey web{{"web", 80, base::Protocol::tcp}, *base::SocketAddress::parse("10.0.0.1:8080")};

Event event(const std::string& service) {
    Event value;
    value.service = service;
    return value;
}

TEST(EventLog, NumbersEventsAndHandsOutWhatIsNew) {
    EventLog log;
    EXPECT_EQ(log.since(0).next, 1U) << "begins now";
    log.put(event("a"));
    log.put(event("b"));
    const auto part = log.since(1);
    ASSERT_EQ(part.events.size(), 2U);
    EXPECT_EQ(part.events[1].number, 2U);
    EXPECT_EQ(part.next, 3U);
    EXPECT_TRUE(log.since(3).events.empty());
    EXPECT_TRUE(log.since(99).events.empty()) << "a cursor of another agent";
    EXPECT_EQ(log.totals()[static_cast<std::size_t>(EventKind::backend_state)], 2U);
}

TEST(EventLog, KeepsTheLastAndSaysWhatIsLost) {
    EventLog log;
    for (std::size_t i = 0; i < EventLog::most + 10; ++i) log.put(event("a"));
    const auto part = log.since(1);
    EXPECT_EQ(part.lost, 10U);
    EXPECT_EQ(part.events.size(), EventLog::batch);
    EXPECT_EQ(part.events.front().number, 11U);
    EXPECT_EQ(log.last(100000, "").size(), EventLog::most);
}

TEST(EventLog, ListsTheLastOfAService) {
    EventLog log;
    for (const auto* const service : {"a", "b", "a", "b", "a"}) log.put(event(service));
    const auto found = log.last(2, "a");
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].number, 3U);
    EXPECT_EQ(found[1].number, 5U);
    EXPECT_TRUE(log.last(2, "c").empty());
}

TEST(EventText, SaysWhatWhyAndUntilWhen) {
    Standing now{State::ejected, "5 failed connections in a row, the last was refused", noon, noon + 30s, false};
    const auto told = to_event(Change{web, State::ready, now}, noon);
    EXPECT_EQ(to_line(told),
              "web:80/tcp 10.0.0.1:8080 is ejected, was ready: 5 failed connections in a row, the last was refused; until "
              "1970-01-01T12:00:30Z");
    const auto object = to_json(told);
    EXPECT_EQ(object.at("event"), "backend_state");
    EXPECT_EQ(object.at("to"), "ejected");
    EXPECT_EQ(object.at("backend"), "10.0.0.1:8080");
    EXPECT_EQ(to_event(Change{web, State::ejected, {}}, noon).cause, "the ejection is over");
    EXPECT_EQ(to_event(Change{web, State::unhealthy, {}}, noon).cause, "its probes succeed");
    EXPECT_THAT(to_line(to_event(PanicChange{web.port, true, 1, 4}, noon)), HasSubstr("panic is on, 1 of 4 backends are usable"));
}

TEST(LineBudget, BoundsWhatFlaps) {
    LineBudget budget;
    std::uint64_t untold = 0;
    std::uint64_t written = 0;
    std::uint64_t told_of = 0;
    const auto take = [&](Clock::time_point now) {
        if (!budget.take(now, untold)) return;
        ++written;
        told_of += untold;
    };
    for (int i = 0; i < 1000; ++i) take(noon + i * 10ms);
    EXPECT_EQ(written, LineBudget::at_once + 4) << "one more each two seconds of ten";
    take(noon + 1h);
    EXPECT_EQ(written + told_of, 1001U) << "each is written, or told of later";
}

}  // namespace
}  // namespace meshd::health
