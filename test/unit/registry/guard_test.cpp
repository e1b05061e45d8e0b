// SPDX-License-Identifier: Apache-2.0
#include "registry/guard.hpp"

#include <gtest/gtest.h>

#include "services.hpp"

namespace meshd::registry {
namespace {

using test::backends;

Loss loss_of(const std::vector<model::Backend>& before, const std::vector<model::Backend>& after) { return loss(before, after); }

TEST(Guard, CountsReadyBackendsThatAreGone) {
    EXPECT_EQ(loss_of(backends(4), backends(1)).lost, 3U);
    EXPECT_EQ(loss_of(backends(4), backends(4)).lost, 0U);
    EXPECT_EQ(loss_of(backends(4), {}).before, 4U);
}

TEST(Guard, OneThatComesMakesUpForOneThatGoes) {
    auto others = backends(3);
    for (auto& backend : others) backend.endpoint.port = 99;
    EXPECT_EQ(loss_of(backends(4), others).lost, 1U);
}

TEST(Guard, BackendsThatWereLeavingAreNotCounted) {
    auto before = backends(4);
    before[2].state = model::BackendState::drain;
    before[3].state = model::BackendState::unhealthy;
    const auto lost = loss_of(before, backends(1));
    EXPECT_EQ(lost.before, 2U);
    EXPECT_EQ(lost.lost, 1U);
}

TEST(Guard, BackendsThatBeginToDrainAreStillThere) {
    auto after = backends(4);
    for (auto& backend : after) backend.state = model::BackendState::drain;
    EXPECT_EQ(loss_of(backends(4), after).lost, 0U);
}

TEST(Guard, AServiceThatIsGoneLosesAll) {
    const auto before = test::service("web", 3);
    EXPECT_EQ(loss(&before, nullptr).lost, 3U);
    EXPECT_EQ(loss(nullptr, &before).lost, 0U);
}

TEST(Guard, APortThatIsGoneLosesItsBackends) {
    auto before = test::service("web", 3);
    before.ports.push_back(before.ports.front());
    before.ports.back().number = 443;
    const auto after = test::service("web", 3);
    EXPECT_EQ(loss(&before, &after).lost, 3U);
    EXPECT_EQ(loss(&before, &after).before, 6U);
}

TEST(Guard, MoreThanTheShareIsTooMuch) {
    EXPECT_FALSE(is_too_much({4, 2}, 50));
    EXPECT_TRUE(is_too_much({4, 3}, 50));
    EXPECT_TRUE(is_too_much({1, 1}, 99));
    EXPECT_FALSE(is_too_much({4, 4}, 100));
    EXPECT_FALSE(is_too_much({0, 0}, 1));
}

}  // namespace
}  // namespace meshd::registry
