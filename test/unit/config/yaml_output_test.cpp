// SPDX-License-Identifier: Apache-2.0
#include "config/yaml_output.hpp"

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "config/plain_scalar.hpp"
#include "config/registry_file.hpp"
#include "config/tree.hpp"

namespace meshd::config {
namespace {

namespace json = boost::json;

std::string yaml(std::string_view text) { return to_yaml(json::parse({text.data(), text.size()})); }

TEST(YamlOutput, IsBlockStyle) {
    EXPECT_EQ(
        yaml(
            R"({"services":[{"name":"web","addresses":["10.96.0.10","fd00:96::10"],"share":0.25,"id":7}],"none":[],"empty":{}})"),
        "services:\n"
        "  - name: web\n"
        "    addresses:\n"
        "      - 10.96.0.10\n"
        "      - fd00:96::10\n"
        "    share: 0.25\n"
        "    id: 7\n"
        "none: []\n"
        "empty: {}\n");
}

TEST(YamlOutput, HasScalarsOfEveryType) {
    EXPECT_EQ(yaml("null"), "~\n");
    EXPECT_EQ(yaml("true"), "true\n");
    EXPECT_EQ(yaml("-1"), "-1\n");
    EXPECT_EQ(yaml("18446744073709551615"), "18446744073709551615\n");
    EXPECT_EQ(yaml("0.1"), "0.1\n");
    EXPECT_EQ(yaml("1.0"), "1.0\n");
    EXPECT_EQ(yaml("1e300"), "1e+300\n");
    EXPECT_EQ(yaml("[]"), "[]\n");
    EXPECT_EQ(yaml("{}"), "{}\n");
}

TEST(YamlOutput, QuotesTextThatWouldReadAsSomethingElse) {
    for (const auto* text :
         {"",    "~",   "null", "true", "False", "yes",  "NO",    "on",    "y",          "0",
          "-17", "1.5", "1e3",  ".inf", "0x1f",  "0o17", "1_000", "12:30", "2026-01-01", "2026-01-01T00:00:00Z",
          "<<",  "="})
        EXPECT_EQ(to_yaml(json::value(text)), '"' + std::string(text) + "\"\n");
}

TEST(YamlOutput, LeavesOtherTextPlain) {
    for (const auto* text :
         {"web", "shop/web", "10.96.0.10", "10.96.0.10:80", "fd00:96::10", "eu-west-1/a", "1s", "v1.2.3", "nothing", "a b"})
        EXPECT_EQ(to_yaml(json::value(text)), std::string(text) + "\n");
}

// What a value of the tree means: text or not, and which.
std::string meaning(Value value) {
    const bool is_text = value.is_quoted() || plain_type(value.text()) == PlainType::text;
    return (is_text ? "text " : "other ") + std::string(value.text());
}

TEST(YamlOutput, ReadsBackAsTheSameText) {
    for (const std::string text : {"plain",      "",          "with: colon", "# no comment",
                                   "- no item",  "[no list]", "{",           "*no alias",
                                   "&no anchor", "!no tag",   "|",           ">",
                                   "%",          "@",         "`",           "'quoted'",
                                   "\"quoted\"", " spaces ",  "two\nlines",  "two\n\nlines\n",
                                   "tab\there",  "zürich",    "😀",           "back\\slash",
                                   "trailing:",  "a #b",      "?",           "-",
                                   "---",        "...",       "true",        "12",
                                   "null"}) {
        const auto written = to_yaml(json::value{{"key", text}});
        const auto tree = Tree::parse(written, "written");
        ASSERT_TRUE(tree.has_value()) << written << tree.error().message();
        auto value = tree->root().begin();
        ++value;
        EXPECT_EQ(meaning(*value), "text " + text) << written;
    }
}

}  // namespace
}  // namespace meshd::config
