// SPDX-License-Identifier: Apache-2.0
#include "base/address.hpp"

#include <gtest/gtest.h>

namespace meshd::base {
namespace {

TEST(IpAddress, ReadsBothFamiliesAndWritesThemBack) {
    for (const auto* text : {"10.96.0.10", "0.0.0.0", "255.255.255.255", "::", "::1", "fd00:96::10", "2001:db8::ff00:42:8329"}) {
        const auto address = IpAddress::parse(text);
        ASSERT_TRUE(address) << text;
        EXPECT_EQ(address->text(), text);
    }
}

TEST(IpAddress, TakesAMappedAddressForTheIpv4AddressItIs) {
    EXPECT_EQ(IpAddress::parse("::ffff:10.0.0.1"), IpAddress::parse("10.0.0.1"));
    EXPECT_TRUE(IpAddress::parse("::ffff:10.0.0.1")->is_v4());
    EXPECT_FALSE(IpAddress::parse("fd00::1")->is_v4());
}

TEST(IpAddress, RefusesWhatIsNone) {
    for (const auto* text : {"", "10.0.0", "10.0.0.256", "10.0.0.1/24", "fe80::1%eth0", "[::1]", "localhost", " 10.0.0.1",
                             "1:2:3:4:5:6:7:8:9", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"})
        EXPECT_FALSE(IpAddress::parse(text)) << text;
    EXPECT_FALSE(IpAddress::parse(std::string_view("10.0.0.1\0", 9)));
}

TEST(IpAddress, KnowsItsKind) {
    EXPECT_TRUE(IpAddress::parse("0.0.0.0")->is_unspecified());
    EXPECT_TRUE(IpAddress::parse("::")->is_unspecified());
    EXPECT_FALSE(IpAddress::parse("0.0.0.1")->is_unspecified());
    EXPECT_TRUE(IpAddress::parse("224.0.0.1")->is_multicast());
    EXPECT_TRUE(IpAddress::parse("ff02::1")->is_multicast());
    EXPECT_FALSE(IpAddress::parse("223.255.255.255")->is_multicast());
    EXPECT_TRUE(IpAddress::parse("169.254.1.1")->is_link_local());
    EXPECT_TRUE(IpAddress::parse("febf::1")->is_link_local());
    EXPECT_FALSE(IpAddress::parse("fec0::1")->is_link_local());
}

TEST(SocketAddress, ReadsAndWritesBothFamilies) {
    for (const auto* text : {"10.0.0.1:80", "[fd00::1]:65535", "127.0.0.1:0"}) {
        const auto address = SocketAddress::parse(text);
        ASSERT_TRUE(address) << text;
        EXPECT_EQ(address->text(), text);
    }
}

TEST(SocketAddress, RefusesWhatIsNone) {
    for (const auto* text : {"", ":", "10.0.0.1", "10.0.0.1:", "10.0.0.1:65536", "10.0.0.1:-1", "10.0.0.1:8x", "fd00::1:80",
                             "[fd00::1]", "[]:80", "[10.0.0.1:80"})
        EXPECT_FALSE(SocketAddress::parse(text)) << text;
}

TEST(Protocol, HasNames) {
    EXPECT_EQ(parse_protocol("tcp"), Protocol::tcp);
    EXPECT_EQ(parse_protocol("udp"), Protocol::udp);
    EXPECT_FALSE(parse_protocol("TCP"));
    EXPECT_EQ(name(Protocol::udp), "udp");
}

}  // namespace
}  // namespace meshd::base
