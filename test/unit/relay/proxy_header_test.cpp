// SPDX-License-Identifier: Apache-2.0
#include "relay/proxy_header.hpp"

#include <gtest/gtest.h>

namespace meshd::relay {
namespace {

using namespace std::string_literals;

base::SocketAddress at(std::string_view text) { return *base::SocketAddress::parse(text); }

const std::string start = "\r\n\r\n\0\r\nQUIT\n"s;

const ProxyHeader v4{at("10.0.0.1:40000"), at("10.0.0.2:80"), "shop/web"};
const ProxyHeader v6{at("[fd00::1]:40000"), at("[fd00::2]:80"), "shop/web"};

TEST(ProxyHeader, IsAsTheSpecificationSays) {
    EXPECT_EQ(to_wire(v4), start + "\x21\x11\0\x17\x0a\0\0\1\x0a\0\0\2\x9c\x40\0\x50\xe0\0\x08shop/web"s);
    EXPECT_EQ(to_wire({v4.source, v4.destination}), start + "\x21\x11\0\x0c\x0a\0\0\1\x0a\0\0\2\x9c\x40\0\x50"s);
    EXPECT_EQ(to_wire(v6), start + "\x21\x21\0\x2f\xfd"s + std::string(14, '\0') + "\x01\xfd"s + std::string(14, '\0') +
                               "\x02\x9c\x40\0\x50\xe0\0\x08shop/web"s);
}

TEST(ProxyHeader, ComesBackInPiecesOfAnySize) {
    const ProxyHeader mixed{v4.source, v6.destination, "mixed"};
    for (const auto& header : {v4, v6, mixed, ProxyHeader{v4.source, v4.destination}}) {
        const auto wire = to_wire(header);
        for (std::size_t size = 0; size < wire.size(); ++size) {
            const auto parsed = parse_proxy_header(std::string_view(wire).substr(0, size));
            ASSERT_TRUE(parsed) << parsed.error().message();
            EXPECT_FALSE(*parsed);
        }
        for (const auto* const behind : {"", "GET / HTTP/1.1\r\n"}) {
            const auto parsed = parse_proxy_header(wire + behind);
            ASSERT_TRUE(parsed && *parsed);
            EXPECT_EQ((*parsed)->header, header);
            EXPECT_EQ((*parsed)->size, wire.size());
        }
    }
}

TEST(ProxyHeader, PassesOverWhatOthersAdd) {
    const auto parsed =
        parse_proxy_header(start + "\x21\x11\0\x18\x0a\0\0\1\x0a\0\0\2\x9c\x40\0\x50\x04\0\2"s + "ab\xe0\0\x04shop"s);
    ASSERT_TRUE(parsed && *parsed);
    EXPECT_EQ((*parsed)->header.service, "shop");
}

TEST(ProxyHeader, RefusesEverythingElse) {
    const auto addresses = "\x0a\0\0\1\x0a\0\0\2\x9c\x40\0\x50"s;
    for (const auto& bytes : {
             "G"s, "GET / HTTP/1.1\r\n\r\n"s, "PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n"s, "\r\n\r\nX"s,
             start + "\x20"s,                                                    // of the proxy itself, without addresses
             start + "\x11"s,                                                    // version 1
             start + "\x21\x12"s,                                                // UDP
             start + "\x21\x31"s,                                                // a path
             start + "\x21\x11\0\x0b"s,                                          // too short
             start + "\x21\x21\0\x0c"s,                                          //
             start + "\x21\x11\xff\xff"s,                                        // too long
             start + "\x21\x11\0\x0d"s + addresses + "\xe0"s,                    // a field is cut off
             start + "\x21\x11\0\x10"s + addresses + "\xe0\0\x02x"s,             //
             start + "\x21\x11\0\x0f"s + addresses + "\xe0\0\0"s,                // a service without a name
             start + "\x21\x11\0\x14"s + addresses + "\xe0\0\x01x\xe0\0\x01y"s,  // two of them
         }) {
        const auto parsed = parse_proxy_header(bytes);
        ASSERT_FALSE(parsed) << testing::PrintToString(bytes);
        EXPECT_TRUE(parsed.error().message().starts_with("cannot read a PROXY header: ")) << parsed.error().message();
    }
}

}  // namespace
}  // namespace meshd::relay
