// SPDX-License-Identifier: Apache-2.0
#include "steering/addresses.hpp"

#include <gtest/gtest.h>

#include "unit/reconcile/builders.hpp"

namespace meshd::steering {
namespace {

using reconcile::backend;

base::IpAddress ip(const char* text) { return *base::IpAddress::parse(text); }

model::Backend on(const char* endpoint, const char* host) {
    auto value = backend(endpoint);
    value.host = ip(host);
    return value;
}

const Addresses own{ip("127.0.0.1"), ip("::1"), ip("10.0.0.5"), ip("fe80::5"), ip("2001:db8::5")};

TEST(IsHere, IsByTheHostThatIsNamed) {
    EXPECT_TRUE(is_here(on("10.9.9.9:80", "10.0.0.5"), own)) << "a container";
    EXPECT_TRUE(is_here(on("10.9.9.9:80", "2001:db8::5"), own));
    EXPECT_FALSE(is_here(on("10.0.0.5:80", "10.0.0.6"), own));
    EXPECT_FALSE(is_here(on("127.0.0.1:80", "10.0.0.6"), own));
    EXPECT_TRUE(is_here(on("127.0.0.1:80", "10.0.0.5"), own));
}

TEST(IsHere, IsByTheBackendsAddressWhereNoneIs) {
    EXPECT_TRUE(is_here(backend("10.0.0.5:80"), own));
    EXPECT_TRUE(is_here(backend("127.0.0.9:80"), own)) << "all of 127.0.0.0/8 is loopback";
    EXPECT_TRUE(is_here(backend("[::1]:80"), {}));
    EXPECT_FALSE(is_here(backend("10.0.0.6:80"), own));
    EXPECT_FALSE(is_here(backend("128.0.0.1:80"), own));
}

TEST(NodeAddress, IsOneThatOthersCanReach) {
    const Addresses only{ip("127.0.0.1"), ip("::1"), ip("198.51.100.7"), ip("fe80::7"), ip("fd00::7")};
    EXPECT_EQ(node_address(only, true), ip("198.51.100.7"));
    EXPECT_EQ(node_address(only, false), ip("fd00::7"));
    EXPECT_FALSE(node_address({ip("127.0.0.1"), ip("fe80::7"), ip("::1")}, true));
    EXPECT_FALSE(node_address({ip("127.0.0.1"), ip("fe80::7"), ip("::1")}, false));
}

TEST(OwnAddresses, HaveThisHostsLoopback) {
    const auto found = own_addresses();
    ASSERT_TRUE(found);
    EXPECT_TRUE(found->contains(ip("127.0.0.1")));
}

}  // namespace
}  // namespace meshd::steering
