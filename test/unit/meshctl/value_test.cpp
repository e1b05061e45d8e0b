// SPDX-License-Identifier: Apache-2.0
#include "value.hpp"

#include <gtest/gtest.h>

namespace meshd::meshctl {
namespace {

const json::object sample =
    json::parse(R"({"text":"x","empty":"","number":42,"big":18446744073709551615,"real":0.5,"yes":true,"no":false,
    "null":null,"list":["a",1],"none":[],"inside":{"deep":{"text":"y"}}})")
        .as_object();

TEST(TextAt, ShowsEveryKindOfValue) {
    EXPECT_EQ(text_at(sample, "text"), "x");
    EXPECT_EQ(text_at(sample, "number"), "42");
    EXPECT_EQ(text_at(sample, "big"), "18446744073709551615");
    EXPECT_EQ(text_at(sample, "real"), "0.5");
    EXPECT_EQ(text_at(sample, "yes"), "yes");
    EXPECT_EQ(text_at(sample, "no"), "no");
    EXPECT_EQ(text_at(sample, "list"), "a, 1");
    EXPECT_EQ(text_at(sample, "inside.deep.text"), "y");
}

TEST(TextAt, ShowsADashForNothing) {
    for (const auto* path : {"empty", "null", "none", "inside", "missing", "text.deep", "inside.missing.text", ""})
        EXPECT_EQ(text_at(sample, path), "-") << path;
}

TEST(At, FallsBackWhenTheKindIsWrong) {
    EXPECT_EQ(number_at(sample, "text"), 0);
    EXPECT_EQ(number_at(sample, "big"), 0);
    EXPECT_EQ(number_at(sample, "number"), 42);
    EXPECT_TRUE(object_at(sample, "list").empty());
    EXPECT_TRUE(array_at(sample, "inside").empty());
    EXPECT_FALSE(is_true(sample, "number"));
    EXPECT_TRUE(is_true(sample, "yes"));
}

TEST(Units, AreChosenForPeople) {
    const auto of = [](double number) { return json::object{{"n", number}}; };
    EXPECT_EQ(bytes_at(of(0), "n"), "0 B");
    EXPECT_EQ(bytes_at(of(1023), "n"), "1023 B");
    EXPECT_EQ(bytes_at(of(1536), "n"), "1.5 KiB");
    EXPECT_EQ(bytes_at(of(3.0 * 1024 * 1024 * 1024), "n"), "3.0 GiB");
    EXPECT_EQ(share_at(of(1.0 / 3), "n"), "33.3 %");
    EXPECT_EQ(seconds_at(of(0.25), "n"), "0.2s");
    EXPECT_EQ(seconds_at(of(59), "n"), "59s");
    EXPECT_EQ(seconds_at(of(61), "n"), "1min 1s");
    EXPECT_EQ(seconds_at(of(3660), "n"), "1h 1min");
    EXPECT_EQ(seconds_at(of(90000), "n"), "1d 1h");
    EXPECT_EQ(microseconds_at(of(532), "n"), "532 µs");
    EXPECT_EQ(microseconds_at(of(1840), "n"), "1.8 ms");
    EXPECT_EQ(microseconds_at(of(2.5e6), "n"), "2.50 s");
    for (const auto unit : {bytes_at, share_at, seconds_at, microseconds_at}) EXPECT_EQ(unit(sample, "text"), "-");
}

TEST(Counted, KnowsSingularAndPlural) {
    EXPECT_EQ(counted(0, "map"), "0 maps");
    EXPECT_EQ(counted(1, "map"), "1 map");
    EXPECT_EQ(counted(2, "file is", "files are"), "2 files are");
}

TEST(EndpointText, PutsIpv6IntoBrackets) {
    EXPECT_EQ(endpoint_text("10.0.0.1", 80), "10.0.0.1:80");
    EXPECT_EQ(endpoint_text("fd00::1", 80), "[fd00::1]:80");
}

}  // namespace
}  // namespace meshd::meshctl
