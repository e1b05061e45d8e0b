// SPDX-License-Identifier: Apache-2.0
#include "flows/flow.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include "flows/background.hpp"
#include "flows/event_log.hpp"
#include "flows/filter.hpp"
#include "flows/sweeper.hpp"
#include "reconcile/encode.hpp"

namespace meshd::flows {
namespace {

md_endpoint endpoint(const char* text) { return reconcile::encode(*base::SocketAddress::parse(text), base::Protocol::tcp); }
std::string text(const md_endpoint& endpoint) { return reconcile::decode(endpoint).text(); }

md_flow_key key(const char* low, const char* high) {
    const auto one = endpoint(low);
    const auto other = endpoint(high);
    return {one.address, other.address, one.port, other.port, IPPROTO_TCP, 0, {}};
}

// 10.0.0.9:4000, the higher end, has sent 70 bytes to 10.0.0.1:80 and got 500 back.
md_flow record() {
    md_flow flow{};
    flow.ways[0].bytes = 500;
    flow.ways[1].bytes = 70;
    flow.client = 1;
    flow.source = MD_FLOW_SOCKET;
    flow.outgoing = 1;
    flow.state = MD_FLOW_ESTABLISHED;
    flow.start_ns = 1000;
    flow.socket = 7;
    return flow;
}
Flow flow() { return from_record(key("10.0.0.1:80", "10.0.0.9:4000"), record()); }

TEST(Flow, IsSeenFromItsClient) {
    const auto seen = flow();
    EXPECT_EQ(text(seen.client), "10.0.0.9:4000");
    EXPECT_EQ(text(seen.server), "10.0.0.1:80");
    EXPECT_EQ(seen.numbers.bytes_out, 70U);
    EXPECT_EQ(seen.numbers.bytes_in, 500U);
    EXPECT_EQ(seen.source, Source::client);
}

TEST(Flow, OfAServerTurnsWhatItsSocketSays) {
    auto value = record();
    value.outgoing = 0;
    auto seen = from_record(key("10.0.0.1:80", "10.0.0.9:4000"), value);
    md_socket_view answer{};
    answer.alive = 1;
    answer.tcp_state = 1;
    answer.numbers.bytes_out = 501;
    answer.numbers.bytes_in = 71;
    ASSERT_TRUE(take(seen, answer));
    EXPECT_EQ(seen.source, Source::server);
    EXPECT_EQ(seen.numbers.bytes_out, 71U);
    EXPECT_EQ(seen.numbers.bytes_in, 501U);
}

TEST(Flow, IsClosingOnceOneSideHasSentFin) {
    auto seen = flow();
    md_socket_view answer{};
    answer.alive = 1;
    answer.tcp_state = 8;  // CLOSE_WAIT
    ASSERT_TRUE(take(seen, answer));
    EXPECT_EQ(seen.state, State::closing);
    answer.alive = 0;
    EXPECT_FALSE(take(seen, answer));
}

TEST(Flow, OfATrackFindsItsReplies) {
    const auto client = endpoint("198.51.100.9:4000");
    const auto service = endpoint("10.96.0.10:80");
    const auto node = endpoint("10.0.0.5:61001");
    const auto backend = endpoint("10.0.0.1:8080");
    const md_track_key request_key{client.address, service.address, client.port, service.port, IPPROTO_TCP, {}};
    md_track request{};
    request.source = node.address;
    request.source_port = node.port;
    request.destination = backend.address;
    request.destination_port = backend.port;
    request.state = MD_TRACK_ESTABLISHED;
    request.bytes = 10;
    md_track reply{};
    reply.bytes = 20;
    const auto seen = from_tracks(request_key, request, &reply);
    EXPECT_EQ(text(seen.client), "198.51.100.9:4000");
    EXPECT_EQ(text(seen.server), "10.0.0.1:8080");
    EXPECT_EQ(text(seen.service), "10.96.0.10:80");
    EXPECT_EQ(bytes(seen), 30U);
    const auto other = reply_key(request_key, request);
    EXPECT_EQ(other.source_port, backend.port);
    EXPECT_EQ(other.destination_port, node.port);
}

TEST(Flow, ThatIsForwardedIsSo) {
    auto value = record();
    value.source = MD_FLOW_TRACK;
    EXPECT_EQ(from_record(key("10.0.0.1:80", "10.0.0.9:4000"), value).source, Source::forwarding);
}

TEST(AgedOut, IsAFlowThatHasClosed) {
    const auto event = aged_out(key("10.0.0.1:80", "10.0.0.9:4000"), record());
    EXPECT_EQ(event.change, MD_FLOW_ENDED);
    EXPECT_EQ(event.reason, MD_FLOW_END_AGED);
    EXPECT_EQ(event.flow.state, MD_FLOW_CLOSED);
    EXPECT_EQ(from_record(event.key, event.flow).numbers.bytes_out, 70U);
}

TEST(AgedOut, SaysOfATrackWhatItsListingDoes) {
    for (const auto* const name : {"198.51.100.9:4000", "10.0.0.0:4000"}) {  // above and below the backend
        const auto client = endpoint(name);
        const auto service = endpoint("10.96.0.10:80");
        const auto backend = endpoint("10.0.0.1:8080");
        const md_track_key request_key{client.address, service.address, client.port, service.port, IPPROTO_TCP, {}};
        md_track request{};
        request.source = client.address;
        request.source_port = client.port;
        request.destination = backend.address;
        request.destination_port = backend.port;
        request.bytes = 10;
        request.packets = 3;
        request.response_us = 7;
        md_track reply{};
        reply.bytes = 20;
        const auto event = aged_out(request_key, request, &reply);
        const auto told = from_record(event.key, event.flow);
        const auto listed = from_tracks(request_key, request, &reply);
        EXPECT_EQ(text(told.client), name);
        EXPECT_EQ(text(told.server), text(listed.server));
        EXPECT_EQ(text(told.service), text(listed.service));
        EXPECT_EQ(told.source, Source::forwarding);
        EXPECT_EQ(told.numbers.bytes_out, 10U);
        EXPECT_EQ(told.numbers.bytes_in, 20U);
        EXPECT_EQ(told.numbers.packets_out, 3U);
        EXPECT_EQ(told.numbers.response_us, 7U);
        EXPECT_EQ(event.reason, MD_FLOW_END_AGED);
    }
}

TEST(Attempt, TurnsWhatIsThrownIntoAnError) {
    const auto outcome = attempt([]() -> base::Result<int> { throw std::bad_alloc(); });
    ASSERT_FALSE(outcome);
    EXPECT_NE(outcome.error().message().find("bad_alloc"), std::string::npos);
    EXPECT_EQ(*attempt([]() -> base::Result<int> { return 5; }), 5);
}

TEST(Filter, MatchesAnAddressAtAnyEnd) {
    Filter filter;
    for (const auto* wanted : {"10.0.0.1:0", "10.0.0.1:80", "10.0.0.9:0"}) {
        filter.address = base::SocketAddress::parse(wanted);
        EXPECT_TRUE(filter.may_match(flow(), 0)) << wanted;
    }
    for (const auto* wanted : {"10.0.0.1:81", "10.0.0.2:0"}) {
        filter.address = base::SocketAddress::parse(wanted);
        EXPECT_FALSE(filter.may_match(flow(), 0)) << wanted;
    }
}

TEST(Filter, TakesOnlyFlowsOfAServiceForThoseOfABackend) {
    Filter filter;
    filter.backend = base::SocketAddress::parse("10.0.0.1:80");
    auto seen = flow();
    EXPECT_FALSE(filter.may_match(seen, 0));
    seen.backend_id = 1;
    EXPECT_TRUE(filter.may_match(seen, 0));
}

TEST(Filter, KnowsAge) {
    Filter filter;
    filter.min_age_ns = 50;
    EXPECT_FALSE(filter.may_match(flow(), 1049));
    EXPECT_TRUE(filter.may_match(flow(), 1050));
}

TEST(Filter, AsksSocketsOnlyForStatesThatTheyKnow) {
    Filter filter;
    EXPECT_FALSE(filter.needs_sockets());
    filter.state = State::closing;
    EXPECT_TRUE(filter.needs_sockets());
    EXPECT_TRUE(filter.may_match(flow(), 0));
    EXPECT_FALSE(filter.matches_state(flow()));
    filter.state = State::failed;
    EXPECT_FALSE(filter.needs_sockets());
    EXPECT_FALSE(filter.may_match(flow(), 0));
}

TEST(Best, KeepsTheFirstOfMany) {
    Best best(control::FlowSort::bytes, 3);
    for (std::uint64_t i = 0; i < 10000; ++i) {
        auto one = flow();
        one.numbers.bytes_in = i * 7919 % 10007;
        best.put(one);
    }
    const auto taken = best.take();
    ASSERT_EQ(taken.size(), 3U);
    EXPECT_EQ(taken[0].numbers.bytes_in, 10006U);
    EXPECT_GT(taken[1].numbers.bytes_in, taken[2].numbers.bytes_in);
}

TEST(Best, TakesNothingForALimitOfNothing) {
    Best best(control::FlowSort::age, 0);
    best.put(flow());
    EXPECT_TRUE(best.take().empty());
}

TEST(Lifetime, IsThatOfItsProtocolAndState) {
    const config::TrackTimeouts timeouts;
    auto one = key("10.0.0.1:80", "10.0.0.9:4000");
    auto value = record();
    const auto in_ns = [](std::chrono::milliseconds time) { return static_cast<std::uint64_t>(time.count()) * 1'000'000U; };
    EXPECT_EQ(lifetime_ns(one, value, timeouts), in_ns(timeouts.established));
    value.fins = 1;
    EXPECT_EQ(lifetime_ns(one, value, timeouts), in_ns(timeouts.closing));
    value.state = MD_FLOW_RESET;
    EXPECT_EQ(lifetime_ns(one, value, timeouts), in_ns(timeouts.closed));
    one.protocol = IPPROTO_UDP;
    EXPECT_EQ(lifetime_ns(one, value, timeouts), in_ns(timeouts.udp));
}

md_flow_event event(std::uint32_t number) {
    md_flow_event one{};
    one.reason = number;
    return one;
}

TEST(EventLog, HandsOutWhatCameSince) {
    EventLog log;
    const auto begin = log.since(0);
    EXPECT_TRUE(begin.events.empty());
    log.put(event(1));
    log.put(event(2));
    const auto part = log.since(begin.next);
    ASSERT_EQ(part.events.size(), 2U);
    EXPECT_EQ(part.events[1].reason, 2U);
    EXPECT_TRUE(log.since(part.next).events.empty());
}

TEST(EventLog, SaysHowManyAreLost) {
    EventLog log;
    const auto begin = log.next();
    for (std::uint32_t i = 0; i < EventLog::most + 5; ++i) log.put(event(i));
    const auto part = log.since(begin);
    EXPECT_EQ(part.lost, 5U);
    EXPECT_EQ(part.events.size(), EventLog::batch);
    EXPECT_EQ(part.events.front().reason, 5U);
}

TEST(EventLog, BeginsNowForACursorThatIsNotItsOwn) {
    EventLog log;
    log.put(event(1));
    const auto part = log.since(999);
    EXPECT_TRUE(part.events.empty());
    EXPECT_EQ(part.next, log.next());
}

}  // namespace
}  // namespace meshd::flows
