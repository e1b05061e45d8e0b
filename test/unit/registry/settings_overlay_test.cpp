// SPDX-License-Identifier: Apache-2.0
#include "registry/settings_overlay.hpp"

#include <gmock/gmock.h>

#include "services.hpp"

namespace meshd::registry {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

model::ServiceSettingsPtr settings(std::uint32_t affinity_s, const std::string& source = "etcd:etcd/web") {
    model::ServiceSettings made;
    made.service = "web";
    made.affinity_s = affinity_s;
    made.source = source;
    made.place = source + ":2:5";
    return std::make_shared<const model::ServiceSettings>(std::move(made));
}

// They mean nothing beside a service that is balanced otherwise.
model::ServiceSettingsPtr misfit() {
    auto made = *settings(9);
    made.balancing.failure_penalty_ms = 5;
    return std::make_shared<const model::ServiceSettings>(std::move(made));
}

class SettingsOverlayTest : public testing::Test {
protected:
    std::uint32_t affinity() { return overlay.apply(web)->affinity_s; }
    void await(std::optional<std::size_t> rank) {
        overlay.await([rank](std::string_view source) { return source == "etcd:etcd/web" ? rank : std::nullopt; });
    }
    // As it was with settings of etcd in an earlier run.
    void remember(std::uint32_t affinity_s) {
        auto before = test::service("web", 1);
        before.affinity_s = affinity_s;
        before.source = "kubernetes:k/web + etcd:etcd/web";
        overlay.remember(test::shared(before));
    }

    SettingsOverlay overlay;
    model::ServicePtr web = test::shared(test::service("web", 2));
};

TEST_F(SettingsOverlayTest, LeavesAServiceWithoutSettingsAsItIs) {
    overlay.put(0, "shop", settings(5));
    EXPECT_EQ(overlay.apply(web), web);
    EXPECT_THAT(overlay.take_touched(), ElementsAre("shop"));
    EXPECT_THAT(overlay.take_touched(), IsEmpty());
}

TEST_F(SettingsOverlayTest, GivesThoseOfTheFirstRegistry) {
    overlay.put(2, "web", settings(5));
    EXPECT_EQ(affinity(), 5U);
    overlay.put(1, "web", settings(7, "file:/a"));
    EXPECT_EQ(affinity(), 7U);
    EXPECT_THAT(overlay.apply(web)->source, HasSubstr(" + file:/a"));
    const auto hidden = overlay.hidden(2);
    ASSERT_TRUE(hidden.contains("web"));
    EXPECT_EQ(hidden.at("web").by, "file:/a");
    EXPECT_THAT(overlay.hidden(1), IsEmpty());
    overlay.put(1, "web", nullptr);
    EXPECT_EQ(affinity(), 5U);
    overlay.put(2, "web", nullptr);
    EXPECT_EQ(overlay.apply(web), web);
}

TEST_F(SettingsOverlayTest, LeavesAServiceAsItWasWhenTheyDoNotFit) {
    overlay.put(1, "web", misfit());
    EXPECT_EQ(overlay.apply(web), web);
    EXPECT_THAT(overlay.refused(), ElementsAre(Pair("web", testing::_)));
    EXPECT_THAT(overlay.refused().at("web").why, HasSubstr("cannot accept etcd:etcd/web:2:5: together with service \"web\""));
    overlay.put(1, "web", settings(5));
    EXPECT_EQ(affinity(), 5U);
    EXPECT_THAT(overlay.refused(), IsEmpty());
    overlay.put(1, "web", misfit());
    EXPECT_EQ(affinity(), 5U);
    EXPECT_EQ(overlay.refused().at("web").rank, 1U);
    overlay.put(1, "web", nullptr);
    EXPECT_EQ(affinity(), 0U);
    EXPECT_THAT(overlay.refused(), IsEmpty());
}

TEST_F(SettingsOverlayTest, TakesThemWhenTheServiceHasChangedSoThatTheyFit) {
    overlay.put(1, "web", misfit());
    EXPECT_EQ(affinity(), 0U);
    auto other = *web;
    other.balancing = model::Balancing::latency;
    web = test::shared(other);
    EXPECT_EQ(affinity(), 9U);
    EXPECT_THAT(overlay.refused(), IsEmpty());
}

TEST_F(SettingsOverlayTest, KeepsThoseOfAnEarlierRunUntilTheirRegistryHasSpoken) {
    remember(5);
    await(1);
    const auto merged = overlay.apply(web);
    EXPECT_EQ(merged->affinity_s, 5U);
    EXPECT_EQ(merged->ports, web->ports) << "what the service's own registry says now holds";
    EXPECT_THAT(merged->source, HasSubstr(" + etcd:etcd/web"));
    (void)overlay.take_touched();
    await(1);
    EXPECT_THAT(overlay.take_touched(), IsEmpty());
    await(std::nullopt);
    EXPECT_THAT(overlay.take_touched(), ElementsAre("web"));
    EXPECT_EQ(overlay.apply(web), web);
}

TEST_F(SettingsOverlayTest, PutsThoseOfAnEarlierRunBetweenRegistriesBeforeAndBehind) {
    remember(5);
    await(1);
    overlay.put(2, "web", settings(7, "consul:c/a"));
    EXPECT_EQ(affinity(), 5U);
    overlay.put(0, "web", settings(9, "file:/a"));
    EXPECT_EQ(affinity(), 9U);
    overlay.put(0, "web", nullptr);
    EXPECT_EQ(affinity(), 5U);
    await(std::nullopt);
    EXPECT_EQ(affinity(), 7U);
}

TEST_F(SettingsOverlayTest, KeepsThoseOfAnEarlierRunWhenTheNewOnesDoNotFit) {
    remember(5);
    await(1);
    overlay.put(1, "web", misfit());
    EXPECT_EQ(affinity(), 5U);
    await(std::nullopt);
    EXPECT_EQ(affinity(), 5U);
    EXPECT_THAT(overlay.refused(), ElementsAre(Pair("web", testing::_)));
}

TEST_F(SettingsOverlayTest, BeginsAgainWithOtherRanks) {
    overlay.put(1, "web", settings(5));
    (void)overlay.take_touched();
    overlay.clear();
    EXPECT_THAT(overlay.take_touched(), ElementsAre("web"));
    EXPECT_EQ(affinity(), 0U);
}

}  // namespace
}  // namespace meshd::registry
