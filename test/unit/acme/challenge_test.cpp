// SPDX-License-Identifier: Apache-2.0
#include "acme/challenge.hpp"

#include <gtest/gtest.h>

namespace meshd::acme {
namespace {

TEST(ChallengeStepOf, TheHooksArgumentsComesThroughAsText) {
    const auto step = read_step("failed", "http-01", "shop.test", "a-_Z9", "a-_Z9.x");
    ASSERT_TRUE(step);
    const auto again = step_in(to_text(*step));
    ASSERT_TRUE(again);
    EXPECT_EQ(again->method, ChallengeStep::Method::failed);
    EXPECT_EQ(again->type, "http-01");
    EXPECT_EQ(again->name, "shop.test");
    EXPECT_EQ(again->token, "a-_Z9");
    EXPECT_EQ(again->authorization, "a-_Z9.x");
}

TEST(ChallengeStepOf, ArgumentsThatAreNoneIsRefused) {
    EXPECT_FALSE(read_step("start", "http-01", "shop.test", "a", "a"));
    EXPECT_FALSE(read_step("begin", "", "shop.test", "a", "a"));
    EXPECT_FALSE(read_step("begin", "http-01", "*.shop.test", "a", "a"));
    EXPECT_FALSE(read_step("begin", "http-01", "127.0.0.1", "a", "a"));
    EXPECT_FALSE(read_step("begin", "http-01", "shop.test", "../a", "a"));
    EXPECT_FALSE(read_step("begin", "http-01", "shop.test", "", "a"));
    EXPECT_FALSE(read_step("begin", "http-01", "shop.test", "a", "a\nb"));
    EXPECT_FALSE(read_step("begin", "http-01", "shop.test", std::string(1000, 'a'), "a"));
}

TEST(ChallengeStepOf, TextThatIsNoneIsRefused) {
    for (const auto* const text : {"", "[]", "{}", R"({"method":"begin","type":"http-01","name":"shop.test","token":"a"})",
                                   R"({"method":1,"type":"http-01","name":"shop.test","token":"a","authorization":"a"})"})
        EXPECT_FALSE(step_in(text)) << text;
}

TEST(ChallengeStepOf, AHandshakeHasADigest) {
    // SHA-256 of nothing.
    const auto step = read_step("begin", "tls-alpn-01", "shop.test", "a", "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
    const auto digest = digest_of(*step);
    ASSERT_TRUE(digest);
    EXPECT_EQ(digest->substr(0, 4), "\xe3\xb0\xc4\x42");
    EXPECT_FALSE(digest_of(*read_step("begin", "tls-alpn-01", "shop.test", "a", "47DEQpj8")));
    EXPECT_FALSE(digest_of(*read_step("begin", "tls-alpn-01", "shop.test", "a", "a.b")));
}

}  // namespace
}  // namespace meshd::acme
