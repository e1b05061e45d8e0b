// SPDX-License-Identifier: Apache-2.0
#include "channel/utf8.hpp"

#include <random>

#include <gtest/gtest.h>
#include <boost/json.hpp>

namespace meshd::channel {
namespace {

std::string replaced(std::string text, std::size_t from = 0) {
    replace_invalid_utf8(text, from);
    return text;
}

TEST(Utf8, KeepsWhatIsWellFormed) {
    for (const std::string text : {"", "plain text of more than eight bytes", "Zürich", "日本語", "🙂", "\x7f", "\U0010ffff"})
        EXPECT_EQ(replaced(text), text);
}

TEST(Utf8, ReplacesEachByteThatIsNot) {
    EXPECT_EQ(replaced("a\xff"
                       "b"),
              "a?b");
    EXPECT_EQ(replaced("\xc0\xaf"), "??");                // overlong
    EXPECT_EQ(replaced("\xe0\x80\xaf"), "???");           // overlong
    EXPECT_EQ(replaced("\xed\xa0\x80"), "???");           // a surrogate
    EXPECT_EQ(replaced("\xf4\x90\x80\x80"), "????");      // above U+10FFFF
    EXPECT_EQ(replaced("0123456\xe6\x97"), "0123456??");  // cut off
    EXPECT_EQ(replaced("\x80\x80 after"), "?? after");
}

TEST(Utf8, LeavesTheBytesBeforeTheBeginAlone) { EXPECT_EQ(replaced("\xff\xff\xff", 2), "\xff\xff?"); }

TEST(Utf8, MakesAnyBytesAJsonString) {
    std::mt19937 random(20);
    for (int round = 0; round < 20000; ++round) {
        std::string text = "\"";
        const auto size = random() % 12;
        for (std::size_t i = 0; i < size; ++i) text += static_cast<char>(random() % 4 == 0 ? 'a' : 0x80 + random() % 128);
        text = replaced(text) + "\"";
        boost::system::error_code ec;
        boost::json::parse(text, ec);
        EXPECT_FALSE(ec) << testing::PrintToString(text);
    }
}

}  // namespace
}  // namespace meshd::channel
