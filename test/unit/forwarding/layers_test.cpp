// SPDX-License-Identifier: Apache-2.0
#include "forwarding/layers.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace meshd::forwarding {
namespace {

// 1: eth0, a port of 2: bond0, a port of 3: br0; 4: a macvlan of eth0.
std::vector<Device> stack() {
    std::vector<Device> all(4);
    for (std::size_t i = 0; i < all.size(); ++i) all[i].index = static_cast<std::uint32_t>(i + 1);
    all[0].master = 2;
    all[1].master = 3;
    all[3].shares = 1;
    return all;
}

md_below below_with(std::uint32_t device, const std::vector<std::uint32_t>& looked_at) {
    const auto all = stack();
    return below(all.at(device - 1), all, [&](const Device& other) {
        return std::find(looked_at.begin(), looked_at.end(), other.index) != looked_at.end();
    });
}

TEST(Below, IsNothingForADeviceThatIsLookedAtAlone) {
    for (std::uint32_t device = 1; device <= 4; ++device) EXPECT_EQ(below_with(device, {device}), MD_BELOW_NOTHING);
}

TEST(Below, IsAMasterHoweverFarUp) {
    EXPECT_EQ(below_with(1, {1, 2}), MD_BELOW_MASTER);
    EXPECT_EQ(below_with(1, {1, 3}), MD_BELOW_MASTER) << "bond0 is not looked at";
    EXPECT_EQ(below_with(2, {1, 2}), MD_BELOW_NOTHING);
    EXPECT_EQ(below_with(3, {1, 2, 3}), MD_BELOW_NOTHING);
}

TEST(Below, IsItselfWhereAnotherDeviceSeesItsPackets) {
    EXPECT_EQ(below_with(4, {1, 4}), MD_BELOW_ITSELF);
    EXPECT_EQ(below_with(4, {2, 4}), MD_BELOW_NOTHING);
}

TEST(Below, EndsWhereMastersAreTheirOwn) {
    auto all = stack();
    all[2].master = 2;
    EXPECT_EQ(below(all[0], all, [](const Device&) { return false; }), MD_BELOW_NOTHING);
}

}  // namespace
}  // namespace meshd::forwarding
