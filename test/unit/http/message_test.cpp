// SPDX-License-Identifier: Apache-2.0
#include "http/message.hpp"

#include <gtest/gtest.h>

namespace meshd::http {
namespace {

TEST(Target, SplitsPathAndQueryAndDecodesBoth) {
    const auto target = parse_target("/v1/services/shop%2Fweb?destination=%5Bfd00::1%5D:80&from=10.0.0.1&note=a+b&flag");
    ASSERT_TRUE(target);
    EXPECT_EQ(target->path, "/v1/services/shop/web");
    const std::map<std::string, std::string, std::less<>> expected{
        {"destination", "[fd00::1]:80"}, {"flag", ""}, {"from", "10.0.0.1"}, {"note", "a b"}};
    EXPECT_EQ(target->query, expected);
}

TEST(Target, KeepsAPlusInThePath) { EXPECT_EQ(parse_target("/a+b")->path, "/a+b"); }

TEST(Target, TakesTheLastOfAKeyThatIsGivenTwice) { EXPECT_EQ(parse_target("/?a=1&a=2")->query.at("a"), "2"); }

TEST(Target, IgnoresEmptyPairs) { EXPECT_EQ(parse_target("/?&&a=1&")->query.size(), 1U); }

class MalformedTarget : public testing::TestWithParam<const char*> {};
TEST_P(MalformedTarget, IsNothing) { EXPECT_FALSE(parse_target(GetParam())); }
INSTANTIATE_TEST_SUITE_P(Table, MalformedTarget,
                         testing::Values("", "v1/status", "http://host/v1", "/%", "/%4", "/%zz", "/%00", "/?a=%", "/?%4=1", "*"));

TEST(PercentEncode, LeavesOnlyUnreservedLetters) {
    EXPECT_EQ(percent_encode("shop/web-1.2_3~"), "shop%2Fweb-1.2_3~");
    EXPECT_EQ(percent_encode("[fd00::1]:80 \xc3\xa4"), "%5Bfd00%3A%3A1%5D%3A80%20%C3%A4");
}

TEST(PercentEncode, IsUndoneByParseTarget) {
    std::string all;
    for (int byte = 1; byte < 256; ++byte) all += static_cast<char>(byte);
    EXPECT_EQ(parse_target("/" + percent_encode(all) + "?k=" + percent_encode(all))->path, "/" + all);
    EXPECT_EQ(parse_target("/?k=" + percent_encode(all))->query.at("k"), all);
}

}  // namespace
}  // namespace meshd::http
