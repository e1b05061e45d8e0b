// SPDX-License-Identifier: Apache-2.0
#include "base/prefix.hpp"

#include <gtest/gtest.h>

namespace meshd::base {
namespace {

TEST(Prefix, ReadsWhatItWrites) {
    for (const char* text :
         {"0.0.0.0/0", "10.0.0.0/8", "10.1.2.128/25", "10.1.2.3", "::/0", "fd00::/8", "fd00::1", "2001:db8::/33"}) {
        const auto prefix = Prefix::parse(text);
        ASSERT_TRUE(prefix) << text;
        EXPECT_EQ(prefix->text(), text);
    }
}

TEST(Prefix, RefusesWhatIsNone) {
    for (const char* text : {"", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.1/8", "10.0.0.0/-1", "fd00::/129",
                             "fd00::1/64", "10.0.0.0/8 ", "web"})
        EXPECT_FALSE(Prefix::parse(text)) << text;
    EXPECT_EQ(Prefix::parse_loosely("10.1.2.3/8")->text(), "10.0.0.0/8");
}

TEST(Prefix, ContainsAddressesOfItsFamilyOnly) {
    const auto all_v4 = *Prefix::parse("0.0.0.0/0");
    EXPECT_TRUE(all_v4.contains(*IpAddress::parse("10.0.0.1")));
    EXPECT_FALSE(all_v4.contains(*IpAddress::parse("fd00::1")));
    EXPECT_TRUE(Prefix::parse("10.0.0.0/9")->contains(*IpAddress::parse("10.127.255.255")));
    EXPECT_FALSE(Prefix::parse("10.0.0.0/9")->contains(*IpAddress::parse("10.128.0.0")));
    EXPECT_TRUE(Prefix::parse("10.0.0.0/9")->overlaps(*Prefix::parse("10.0.0.0/8")));
    EXPECT_FALSE(Prefix::parse("10.0.0.0/9")->overlaps(*Prefix::parse("10.128.0.0/9")));
}

}  // namespace
}  // namespace meshd::base
