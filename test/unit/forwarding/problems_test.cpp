// SPDX-License-Identifier: Apache-2.0
#include "forwarding/problems.hpp"

#include <gtest/gtest.h>

#include "unit/reconcile/builders.hpp"

namespace meshd::forwarding {
namespace {

using model::Forward;
using reconcile::ForwardPolicy;

Services services(std::vector<model::Service> all) {
    Services result;
    for (auto& one : all) result[one.name] = std::make_shared<const model::Service>(one);
    return result;
}

const ForwardPolicy nat{true, Forward::nat};
const auto v4 = services({reconcile::service("web", "10.96.0.1", {reconcile::backend("10.0.0.1:80")})});
const auto v6 = services({reconcile::service("web", "fd00:96::1", {reconcile::backend("[fd00::1]:80")})});

TEST(NoRouting, IsAProblemOfTheFamilyThatBackendsHave) {
    EXPECT_EQ(no_routing({true, true, 0, 0}, v4, nat), std::nullopt);
    EXPECT_TRUE(no_routing({false, true, 0, 0}, v4, nat)->remedy.find("ip_forward") != std::string::npos);
    EXPECT_EQ(no_routing({false, true, 0, 0}, v6, nat), std::nullopt);
    EXPECT_TRUE(no_routing({true, false, 0, 0}, v6, nat)->remedy.find("ipv6") != std::string::npos);
}

TEST(NoRouting, IsNoProblemWhenNothingIsForwarded) {
    EXPECT_EQ(no_routing({false, false, 0, 0}, v4, ForwardPolicy{true, Forward::off}), std::nullopt);
    EXPECT_EQ(no_routing({false, false, 0, 0}, {}, nat), std::nullopt);
}

TEST(SharedPorts, AreThoseThatSocketsMayHave) {
    const System system{true, true, 32768, 60999};
    EXPECT_EQ(shared_ports(system, 61000, 65535), std::nullopt);
    EXPECT_EQ(shared_ports(system, 1024, 32767), std::nullopt);
    EXPECT_NE(shared_ports(system, 60999, 65535), std::nullopt);
    EXPECT_NE(shared_ports(system, 1024, 65535), std::nullopt);
}

TEST(NotReturnable, AreServicesThatFallToDirectReturnWithAnotherPort) {
    const ForwardPolicy dsr{true, Forward::dsr};
    EXPECT_EQ(not_returnable(v4, dsr), std::nullopt);
    auto other = reconcile::service("web", "10.96.0.1", {reconcile::backend("10.0.0.1:8080")});
    EXPECT_NE(not_returnable(services({other}), dsr), std::nullopt);
    EXPECT_EQ(not_returnable(services({other}), nat), std::nullopt);
    other.forward = Forward::nat;
    EXPECT_EQ(not_returnable(services({other}), dsr), std::nullopt);
}

}  // namespace
}  // namespace meshd::forwarding
