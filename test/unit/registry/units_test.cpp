// SPDX-License-Identifier: Apache-2.0
#include "registry/units.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace meshd::registry {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

std::string service(const std::string& name, const std::string& address, int port = 80) {
    return fmt::format("services:\n  - {{name: {}, address: {}, port: {}, backends: [{{address: 10.0.0.1, port: 1}}]}}\n", name,
                       address, port);
}

const std::string rule = "policies:\n  - {name: no-lab, action: deny, to: {cidr: 10.9.0.0/16}}\n";

std::string settings(const std::string& service, int affinity) {
    return fmt::format("service_settings:\n  - {{service: {}, affinity: {}s}}\n", service, affinity);
}

class UnitsTest : public testing::Test {
protected:
    // Nothing is held: what the intake has is what it was told.
    Intake intake{"etcd:lab", {.share = 100}, {[] {}, [] {}, [] {}}};
    Units units{intake};

    std::vector<std::string> services() {
        std::vector<std::string> all;
        for (const auto& [name, one] : intake.services()) all.push_back(name + " " + one->addresses.front().text());
        return all;
    }
};

TEST_F(UnitsTest, TellsWhatAUnitHas) {
    units.put("meshd/web", service("web", "10.96.0.1"));
    EXPECT_THAT(services(), ElementsAre("web 10.96.0.1"));
    units.put("meshd/web", service("shop", "10.96.0.1"));
    EXPECT_THAT(services(), ElementsAre("shop 10.96.0.1"));
    units.remove("meshd/web");
    EXPECT_THAT(services(), IsEmpty());
    EXPECT_THAT(intake.refused(), IsEmpty());
}

TEST_F(UnitsTest, KeepsTheLastGoodContentOfABadOne) {
    units.put("meshd/web", service("web", "10.96.0.1"));
    units.put("meshd/web", "services: [{name: web}]");
    EXPECT_THAT(services(), ElementsAre("web 10.96.0.1"));
    EXPECT_THAT(intake.refused(), ElementsAre(Pair("meshd/web", HasSubstr("etcd:lab/meshd/web:1:"))));
    units.put("meshd/web", service("web", "10.96.0.2"));
    EXPECT_THAT(services(), ElementsAre("web 10.96.0.2"));
    EXPECT_THAT(intake.refused(), IsEmpty());
}

TEST_F(UnitsTest, ForgetsABadOneThatIsGone) {
    units.put("bad", "services: 7");
    EXPECT_THAT(intake.refused(), ElementsAre(Pair("bad", HasSubstr("etcd:lab/bad:1:"))));
    units.remove("bad");
    EXPECT_THAT(intake.refused(), IsEmpty());
    units.remove("bad");
    EXPECT_EQ(units.size(), 0U);
}

TEST_F(UnitsTest, GivesANameToTheFirstUnitWhicheverCameFirst) {
    units.put("b", service("web", "10.96.0.2"));
    units.put("a", service("web", "10.96.0.1"));
    EXPECT_THAT(services(), ElementsAre("web 10.96.0.1"));
    EXPECT_THAT(intake.refused(), ElementsAre(Pair("b", AllOf(HasSubstr("etcd:lab/b:2:"), HasSubstr("etcd:lab/a:2:")))));
    units.remove("a");
    EXPECT_THAT(services(), ElementsAre("web 10.96.0.2"));
    EXPECT_THAT(intake.refused(), IsEmpty());
}

TEST_F(UnitsTest, GivesAnAddressToTheFirstUnit) {
    units.put("a", service("web", "10.96.0.1"));
    units.put("b", service("shop", "10.96.0.1"));
    units.put("c", service("mail", "10.96.0.1", 25));
    EXPECT_THAT(services(), ElementsAre("mail 10.96.0.1", "web 10.96.0.1"));
    EXPECT_THAT(intake.refused(), ElementsAre(Pair("b", AllOf(HasSubstr("etcd:lab/b:2:"), HasSubstr("etcd:lab/a:2:")))));
    units.put("a", service("web", "10.96.0.9"));
    EXPECT_THAT(services(), ElementsAre("mail 10.96.0.1", "shop 10.96.0.1", "web 10.96.0.9"));
}

TEST_F(UnitsTest, AUnitThatLosesANameFallsBackToWhatItHad) {
    units.put("a", service("web", "10.96.0.1"));
    units.put("b", service("shop", "10.96.0.2"));
    units.put("b", service("web", "10.96.0.2"));
    EXPECT_THAT(services(), ElementsAre("shop 10.96.0.2", "web 10.96.0.1"));
    units.put("a", service("mail", "10.96.0.1"));
    EXPECT_THAT(services(), ElementsAre("mail 10.96.0.1", "web 10.96.0.2"));
}

TEST_F(UnitsTest, ABadUnitWhoseServiceWasTakenComesBackWhenItIsFree) {
    units.put("b", service("web", "10.96.0.2"));
    units.put("b", "services: 7");
    units.put("a", service("web", "10.96.0.1"));
    EXPECT_THAT(services(), ElementsAre("web 10.96.0.1"));
    units.remove("a");
    EXPECT_THAT(services(), ElementsAre("web 10.96.0.2"));
    EXPECT_THAT(intake.refused(), ElementsAre(Pair("b", HasSubstr("etcd:lab/b:1:"))));
}

// c gives way to b only as long as b does not give way to a.
TEST_F(UnitsTest, DecidesAlongAWholeChainOfRivals) {
    units.put("c", service("three", "10.96.0.2"));
    units.put("b", service("two", "10.96.0.1") + service("x", "10.96.0.2").substr(10));
    EXPECT_THAT(services(), ElementsAre("two 10.96.0.1", "x 10.96.0.2"));
    units.put("a", service("one", "10.96.0.1"));
    EXPECT_THAT(services(), ElementsAre("one 10.96.0.1", "three 10.96.0.2"));
    EXPECT_THAT(intake.refused(), ElementsAre(Pair("b", HasSubstr("etcd:lab/a"))));
    units.remove("a");
    EXPECT_THAT(services(), ElementsAre("two 10.96.0.1", "x 10.96.0.2"));
    EXPECT_THAT(intake.refused(), ElementsAre(Pair("c", HasSubstr("etcd:lab/b"))));
}

TEST_F(UnitsTest, AServiceMayMoveBetweenUnitsInAFullAnswer) {
    units.put("a", service("web", "10.96.0.1"));
    units.put("b", service("shop", "10.96.0.2"));
    units.replace({{"a", service("shop", "10.96.0.2")}, {"b", service("web", "10.96.0.1")}});
    EXPECT_THAT(services(), ElementsAre("shop 10.96.0.2", "web 10.96.0.1"));
    EXPECT_THAT(intake.refused(), IsEmpty());
}

TEST_F(UnitsTest, WhatIsNotInAFullAnswerIsGone) {
    units.put("a", service("web", "10.96.0.1") + rule);
    units.put("b", "services: 7");
    units.replace({{"c", service("shop", "10.96.0.2")}});
    EXPECT_THAT(services(), ElementsAre("shop 10.96.0.2"));
    EXPECT_THAT(intake.refused(), IsEmpty());
    EXPECT_THAT(intake.rules(), IsEmpty());
    EXPECT_EQ(units.size(), 1U);
}

TEST_F(UnitsTest, ABadUnitInAFullAnswerKeepsItsLastGoodContent) {
    units.put("a", service("web", "10.96.0.1"));
    units.replace({{"a", "services: 7"}, {"b", service("shop", "10.96.0.2")}});
    EXPECT_THAT(services(), ElementsAre("shop 10.96.0.2", "web 10.96.0.1"));
}

TEST_F(UnitsTest, HasTheRulesOfItsUnits) {
    units.put("a", rule);
    ASSERT_EQ(intake.rules().size(), 1U);
    EXPECT_EQ(intake.rules().front().source, "etcd:lab/a");
    units.put("a", "policies: 7");
    EXPECT_EQ(intake.rules().size(), 1U);
    units.put("a", "");
    EXPECT_THAT(intake.rules(), IsEmpty());
}

TEST_F(UnitsTest, RulesOutliveTheServicesBesideThem) {
    units.put("b", service("web", "10.96.0.2") + rule);
    units.put("a", service("web", "10.96.0.1"));
    EXPECT_EQ(intake.rules().size(), 1U);
    units.remove("b");
    EXPECT_THAT(intake.rules(), IsEmpty());
}

// What a registry says twice confirms what is held of it.
TEST(Units, SaysARemovalAgain) {
    Intake::Clock::time_point now{};
    Intake intake("etcd:lab", {.share = 50, .time = std::chrono::seconds(5)}, {[] {}, [] {}, [] {}}, [&] { return now; });
    Units units(intake);
    units.put("a", service("web", "10.96.0.1"));
    units.remove("a");
    EXPECT_EQ(intake.services().size(), 1U);
    units.replace({});
    now += std::chrono::seconds(6);
    intake.tick();
    EXPECT_THAT(intake.services(), IsEmpty());
}

TEST_F(UnitsTest, TellsSettingsWithTheirSourceAndThatTheyAreGone) {
    units.put("meshd/web", settings("shop/web", 5) + "  - {service: mail, forward: nat}\n");
    ASSERT_EQ(intake.settings().size(), 2U);
    const auto& web = *intake.settings().at("shop/web");
    EXPECT_EQ(web.affinity_s, 5U);
    EXPECT_EQ(web.source, "etcd:lab/meshd/web");
    EXPECT_EQ(web.place, "etcd:lab/meshd/web:2:15");
    units.put("meshd/web", settings("shop/web", 7));
    EXPECT_THAT(intake.settings(),
                ElementsAre(Pair("shop/web",
                                 testing::Pointee(testing::Field(&model::ServiceSettings::affinity_s, testing::Optional(7U))))));
    const auto changes = intake.take_changes();
    EXPECT_EQ(changes.settings.at("mail"), nullptr);
    units.remove("meshd/web");
    EXPECT_THAT(intake.settings(), IsEmpty());
    EXPECT_THAT(intake.take_changes().settings, ElementsAre(Pair("shop/web", nullptr)));
}

TEST_F(UnitsTest, GivesSettingsForAServiceToTheFirstUnit) {
    units.put("b", settings("web", 2) + service("shop", "10.96.0.1"));
    units.put("a", settings("web", 1));
    EXPECT_EQ(intake.settings().at("web")->affinity_s, 1U);
    EXPECT_THAT(services(), IsEmpty()) << "a unit is taken whole";
    EXPECT_THAT(intake.refused(),
                ElementsAre(Pair("b", AllOf(HasSubstr("settings for service \"web\""), HasSubstr("etcd:lab/b:2:"),
                                            HasSubstr("already given at etcd:lab/a:2:")))));
    units.remove("a");
    EXPECT_EQ(intake.settings().at("web")->affinity_s, 2U);
    EXPECT_THAT(services(), ElementsAre("shop 10.96.0.1"));
    EXPECT_THAT(intake.refused(), IsEmpty());
}

TEST_F(UnitsTest, ReplacesSettings) {
    units.replace({{"a", settings("web", 1)}, {"b", settings("mail", 2)}});
    EXPECT_EQ(intake.settings().size(), 2U);
    units.replace({{"b", settings("web", 3)}});
    ASSERT_EQ(intake.settings().size(), 1U);
    EXPECT_EQ(intake.settings().at("web")->affinity_s, 3U);
    EXPECT_EQ(intake.settings().at("web")->source, "etcd:lab/b");
}

}  // namespace
}  // namespace meshd::registry
