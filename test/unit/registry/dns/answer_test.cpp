// SPDX-License-Identifier: Apache-2.0
#include "registry/dns/answer.hpp"

#include <gmock/gmock.h>

#include "message.hpp"

namespace meshd::registry::dns {
namespace {

using namespace std::string_view_literals;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

base::IpAddress address(std::string_view text) { return *base::IpAddress::parse(text); }

TEST(DnsAnswer, HasTheAddressesAndTheShortestTtl) {
    const auto answer = parse_answer(
        Message().answer(Message::a, 300, "\x0a\0\0\1"sv).answer(Message::a, 60, "\x0a\0\0\2"sv).bytes(), RecordType::a);
    ASSERT_TRUE(answer.has_value());
    EXPECT_THAT(answer->addresses, ElementsAre(address("10.0.0.1"), address("10.0.0.2")));
    EXPECT_EQ(answer->ttl, seconds(60));
}

TEST(DnsAnswer, HasAddressesOfIpv6) {
    const auto answer =
        parse_answer(Message().answer(Message::aaaa, 5, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"sv).bytes(), RecordType::aaaa);
    ASSERT_TRUE(answer.has_value());
    EXPECT_THAT(answer->addresses, ElementsAre(address("fd00::1")));
}

TEST(DnsAnswer, CountsTheTtlOfAliasesAndTakesOtherTypesForNothingElse) {
    const auto answer = parse_answer(
        Message().answer(Message::cname, 10, Message::encoded("real.test")).answer(Message::a, 300, "\x0a\0\0\1"sv).bytes(),
        RecordType::a);
    ASSERT_TRUE(answer.has_value());
    EXPECT_THAT(answer->addresses, ElementsAre(address("10.0.0.1")));
    EXPECT_EQ(answer->ttl, seconds(10));
}

TEST(DnsAnswer, HasServicesWithTheirTargets) {
    const auto answer = parse_answer(Message("_db._tcp.test", Message::srv)
                                         .answer(Message::srv, 30, Message::service(10, 5, 5432, "Db1.Test"))
                                         .answer(Message::srv, 30, Message::service(20, 0, 5433, ""))
                                         .bytes(),
                                     RecordType::srv);
    ASSERT_TRUE(answer.has_value());
    EXPECT_THAT(answer->services, ElementsAre(SrvRecord{10, 5, 5432, "db1.test"}, SrvRecord{20, 0, 5433, ""}));
}

TEST(DnsAnswer, NothingIsAnAnswerThatLivesAsLongAsItsZoneSays) {
    const auto answer = parse_answer(Message().authority(900, 60).bytes(), RecordType::a);
    ASSERT_TRUE(answer.has_value());
    EXPECT_THAT(answer->addresses, IsEmpty());
    EXPECT_EQ(answer->ttl, seconds(60));
    EXPECT_EQ(parse_answer(Message().authority(20, 60).bytes(), RecordType::a)->ttl, seconds(20));
    EXPECT_EQ(parse_answer(Message().bytes(), RecordType::a)->ttl, nothing_ttl);
}

TEST(DnsAnswer, AnAliasThatLeadsNowhereLivesNoLongerThanItself) {
    const auto bytes = Message().answer(Message::cname, 7, Message::encoded("gone.test")).authority(900, 60).bytes();
    EXPECT_EQ(parse_answer(bytes, RecordType::a)->ttl, seconds(7));
}

TEST(DnsAnswer, ATtlBeyondReasonIsBounded) {
    EXPECT_EQ(parse_answer(Message().answer(Message::a, 0x7fffffff, "\x0a\0\0\1"sv).bytes(), RecordType::a)->ttl,
              seconds(604800));
    EXPECT_EQ(parse_answer(Message().answer(Message::a, 0xffffffff, "\x0a\0\0\1"sv).bytes(), RecordType::a)->ttl, seconds(0));
}

TEST(DnsAnswer, RefusesEveryMessageThatIsCutOff) {
    const auto bytes =
        Message("_db._tcp.test", Message::srv).answer(Message::srv, 30, Message::service(1, 2, 3, "a.test")).bytes();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const auto answer = parse_answer(std::span(bytes).first(size), RecordType::srv);
        ASSERT_FALSE(answer.has_value()) << size;
        EXPECT_THAT(answer.error().message(), HasSubstr("no whole message"));
    }
}

TEST(DnsAnswer, RefusesRecordsOfAnotherLength) {
    EXPECT_FALSE(parse_answer(Message().answer(Message::a, 1, "\x0a\0\0"sv).bytes(), RecordType::a).has_value());
    EXPECT_FALSE(parse_answer(Message().answer(Message::aaaa, 1, "\x0a\0\0\1"sv).bytes(), RecordType::aaaa).has_value());
    EXPECT_FALSE(parse_answer(Message().answer(Message::srv, 1, "\0\1\0\2\0\3"sv).bytes(), RecordType::srv).has_value());
}

}  // namespace
}  // namespace meshd::registry::dns
