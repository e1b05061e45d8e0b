// SPDX-License-Identifier: Apache-2.0
#include "config/characters.hpp"

#include <gtest/gtest.h>

#include "config/plain_scalar.hpp"

namespace meshd::config {
namespace {

using namespace std::string_view_literals;

TEST(Characters, AcceptsUtf8AndLayout) {
    for (const auto text : {""sv, "a\tb\r\nc"sv, "zürich"sv, "€"sv, "😀"sv, "\xed\x9f\xbf"sv, "\xf4\x8f\xbf\xbf"sv})
        EXPECT_FALSE(find_bad_byte(text).has_value()) << text;
}

TEST(Characters, FindsWhatIsNotUtf8) {
    for (const auto text :
         {"ab\xff"sv, "ab\xc3"sv, "ab\xc0\x80"sv, "ab\xe0\x80\x80"sv, "ab\xed\xa0\x80"sv, "ab\xf4\x90\x80\x80"sv, "ab\x80"sv}) {
        const auto bad = find_bad_byte(text);
        ASSERT_TRUE(bad.has_value());
        EXPECT_EQ(bad->offset, 2U);
        EXPECT_EQ(bad->why, "bytes that are not UTF-8");
    }
}

TEST(Characters, FindsControlCharacters) {
    for (const auto text : {"\0"sv, "\x04"sv, "\x1b[31m"sv, "\x7f"sv, "\xc2\x9b"sv}) {
        const auto bad = find_bad_byte(text);
        ASSERT_TRUE(bad.has_value());
        EXPECT_EQ(bad->why, "a control character");
    }
}

TEST(Characters, QuoteIsSafeAndShort) {
    EXPECT_EQ(quote("web"), "\"web\"");
    EXPECT_EQ(quote("a\nb\x1b\xff"), "\"a?b??\"");
    EXPECT_EQ(quote(std::string(100, 'x')), '"' + std::string(60, 'x') + "…\"");
    EXPECT_EQ(quote("ü"), "\"ü\"");
}

TEST(PlainScalar, HasTheTypesOfTheCoreSchema) {
    for (const auto text : {"null", "~", ""}) EXPECT_EQ(plain_type(text), PlainType::nothing) << text;
    for (const auto text : {"true", "True", "FALSE"}) EXPECT_EQ(plain_type(text), PlainType::boolean) << text;
    for (const auto text : {"0", "-1", "+1", "080", "1.", ".5", "1.5e-3", "0x1F", "0o17", ".inf", "-.INF", ".NaN"})
        EXPECT_EQ(plain_type(text), PlainType::number) << text;
    for (const auto text :
         {"yes", "no", "tRUE", "0x", "0xg", "0o8", ".", "-", "e3", "1e", "1.2.3", "10.0.0.1", "::1", "1s", "inf"})
        EXPECT_EQ(plain_type(text), PlainType::text) << text;
}

}  // namespace
}  // namespace meshd::config
