// SPDX-License-Identifier: Apache-2.0
#include "relay/routes.hpp"

#include <gtest/gtest.h>

namespace meshd::relay {
namespace {

base::SocketAddress at(std::string_view text) { return *base::SocketAddress::parse(text); }
base::IpAddress host(std::string_view text) { return *base::IpAddress::parse(text); }

const Routes routes({{"shop", at("10.0.0.1:80"), host("192.0.2.1")},
                     {"books", at("10.0.0.1:80"), host("192.0.2.1")},
                     {"far", at("10.0.0.9:80"), host("192.0.2.9")}},
                    {{at("10.96.0.1:80"), "shop"}});

TEST(Routes, KnowWhoseWorkerServesABackend) {
    const auto shop = at("10.96.0.1:80");
    EXPECT_EQ(routes.outbound(shop, at("10.0.0.1:80"))->host, host("192.0.2.1"));
    EXPECT_EQ(routes.outbound(shop, at("10.0.0.9:80"))->host, host("192.0.2.9"));
    EXPECT_EQ(routes.outbound(shop, at("10.0.0.1:81")), nullptr);
    EXPECT_EQ(Routes().outbound(shop, at("10.0.0.1:80")), nullptr);
}

TEST(Routes, TellWhatABackendIsToTheServiceThatWasAskedFor) {
    const auto backend = at("10.0.0.1:80");
    Route outside{"outside", backend, host("10.0.0.1"), 443};
    outside.is_outside = true;
    const Routes both({{"mesh", backend, host("192.0.2.1")}, outside},
                      {{at("10.96.0.1:80"), "mesh"}, {at("10.96.0.2:443"), "outside"}});
    EXPECT_FALSE(both.outbound(at("10.96.0.1:80"), backend)->is_outside);
    EXPECT_TRUE(both.outbound(at("10.96.0.2:443"), backend)->is_outside);
    EXPECT_FALSE(both.outbound({}, backend)->is_outside);
    const Routes one({outside}, {{at("10.96.0.2:443"), "outside"}});
    EXPECT_EQ(one.outbound({}, backend), nullptr);
    EXPECT_EQ(one.inbound(backend, host("10.0.0.1"), "outside"), nullptr);
}

TEST(Routes, NameTheServiceAtAnAddress) {
    EXPECT_EQ(routes.service_at(at("10.96.0.1:80")), "shop");
    EXPECT_EQ(routes.service_at(at("10.96.0.1:81")), "");
}

std::string inbound(const base::SocketAddress& backend, const base::IpAddress& accepted_at, std::string_view asked) {
    const auto* const route = routes.inbound(backend, accepted_at, asked);
    return route != nullptr ? route->service : "-";
}

TEST(Routes, LetInOnlyWhatThisHostServes) {
    EXPECT_EQ(inbound(at("10.0.0.1:80"), host("192.0.2.1"), "books"), "books");
    EXPECT_EQ(inbound(at("10.0.0.1:80"), host("192.0.2.1"), ""), "shop");
    EXPECT_EQ(inbound(at("10.0.0.1:80"), host("192.0.2.1"), "renamed"), "shop");
    EXPECT_EQ(inbound(at("10.0.0.9:80"), host("192.0.2.1"), "far"), "-");
    EXPECT_EQ(inbound(at("10.0.0.1:22"), host("192.0.2.1"), "shop"), "-");
    EXPECT_EQ(inbound(at("127.0.0.1:80"), host("192.0.2.1"), ""), "-");
}

}  // namespace
}  // namespace meshd::relay
