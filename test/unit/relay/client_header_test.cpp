// SPDX-License-Identifier: Apache-2.0
#include "relay/client_header.hpp"

#include <gtest/gtest.h>

#include "relay/proxy_header.hpp"

namespace meshd::relay {
namespace {

using namespace std::string_literals;
using model::ProxyProtocol;

const auto client = *base::SocketAddress::parse("192.0.2.9:40000");
const auto here = *base::SocketAddress::parse("192.0.2.1:443");
const auto client6 = *base::SocketAddress::parse("[2001:db8::9]:40000");
const auto here6 = *base::SocketAddress::parse("[2001:db8::1]:443");

TEST(ClientHeader, IsNoneUnlessItIsAskedFor) { EXPECT_EQ(client_header(ProxyProtocol::none, {client, here}), ""); }

TEST(ClientHeader, OfVersion1IsALine) {
    EXPECT_EQ(client_header(ProxyProtocol::v1, {client, here}), "PROXY TCP4 192.0.2.9 192.0.2.1 40000 443\r\n");
    EXPECT_EQ(client_header(ProxyProtocol::v1, {client6, here6}), "PROXY TCP6 2001:db8::9 2001:db8::1 40000 443\r\n");
}

TEST(ClientHeader, OfVersion2HasTheAddresses) {
    for (const auto& [from, to] : {std::pair(client, here), std::pair(client6, here6)}) {
        const auto parsed = parse_proxy_header(client_header(ProxyProtocol::v2, {from, to}));
        ASSERT_TRUE(parsed && *parsed);
        EXPECT_EQ((*parsed)->header, (ProxyHeader{from, to}));
    }
}

TEST(ClientHeader, OfVersion2SaysWhatWasAgreedOn) {
    const auto header = client_header(ProxyProtocol::v2, {client, here, "shop.test", "h2", "TLSv1.3", "TLS_AES_128_GCM_SHA256"});
    const auto fields = header.substr(16 + 12);
    EXPECT_EQ(fields,
              "\x01\x00\x02h2"s
              "\x02\x00\x09shop.test"s
              "\x20\x00\x28\x01\x00\x00\x00\x01"s
              "\x21\x00\x07TLSv1.3"s
              "\x23\x00\x16TLS_AES_128_GCM_SHA256"s);
    EXPECT_EQ(header.substr(14, 2), "\x00\x48"s);  // how much follows
}

TEST(ClientHeader, OfWhatPassesThroughHasTheNameOnly) {
    const auto header = client_header(ProxyProtocol::v2, {client, here, "db.test"});
    EXPECT_EQ(header.substr(16 + 12), "\x02\x00\x07"s + "db.test");
}

}  // namespace
}  // namespace meshd::relay
