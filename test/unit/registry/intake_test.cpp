// SPDX-License-Identifier: Apache-2.0
#include "registry/intake.hpp"

#include <gtest/gtest.h>

#include "services.hpp"

namespace meshd::registry {
namespace {

using namespace std::chrono_literals;
using test::backends;
using test::service;
using test::shared;

struct IntakeTest : testing::Test {
    Intake::Clock::time_point now{};
    int changed = 0, asked_again = 0;
    Intake intake{"etcd:main", {50, 5s}, {[this] { ++changed; }, [] {}, [this] { ++asked_again; }}, [this] { return now; }};
    model::BackendsFrom query{model::BackendsFrom::Kind::consul, {}, "web", {}, {}};

    std::size_t backends_of(const std::string& name) {
        const auto found = intake.services().find(name);
        return found == intake.services().end() ? 0 : found->second->ports.front().backends.size();
    }
};

TEST_F(IntakeTest, TellsWhatIsNewAndNothingTwice) {
    intake.put(service("web", 2));
    const auto changes = intake.take_changes();
    ASSERT_EQ(changes.services.size(), 1U);
    EXPECT_EQ(changes.services.at("web")->source, "etcd:main/web");
    intake.put(service("web", 2));
    EXPECT_TRUE(intake.take_changes().services.empty());
    EXPECT_EQ(changed, 1);
}

TEST_F(IntakeTest, IsCompleteWithTheFirstAnswer) {
    EXPECT_FALSE(intake.complete());
    intake.answered();
    EXPECT_TRUE(intake.complete());
    EXPECT_TRUE(intake.take_changes().complete);
    intake.answered();
    EXPECT_FALSE(intake.take_changes().complete);
}

TEST_F(IntakeTest, AFullAnswerTellsWhatNoNotificationTold) {
    intake.replace({service("web", 2), service("mail", 4)});
    intake.answered();
    EXPECT_EQ(intake.missed().total, 0U) << "the first answer finds nothing that was missed";
    intake.put(service("web", 3));
    intake.replace({service("web", 3), service("mail", 4)});
    EXPECT_EQ(intake.missed().total, 0U);
    EXPECT_FALSE(intake.missed().at);
    intake.replace({service("web", 4), service("shop", 1), service("mail", 4)});
    EXPECT_EQ(intake.missed().total, 2U);
    EXPECT_EQ(intake.missed().services, (std::vector<std::string>{"web", "shop"}));
    EXPECT_TRUE(intake.missed().at);
}

TEST_F(IntakeTest, ARemovalThatIsHeldIsMissedOnlyWhenNobodyToldOfIt) {
    intake.replace({service("web", 4), service("mail", 4)});
    intake.answered();
    intake.remove("web");
    intake.replace({service("mail", 4)});
    EXPECT_EQ(intake.missed().total, 0U) << "it was told, and is confirmed";
    intake.replace({});
    EXPECT_EQ(intake.missed().services, std::vector<std::string>{"mail"});
    now += 6s;
    intake.replace({});
    EXPECT_TRUE(intake.services().empty());
    EXPECT_EQ(intake.missed().total, 1U);
}

TEST_F(IntakeTest, SmallRemovalsAreTakenAtOnce) {
    intake.put(service("web", 4));
    intake.put(service("web", 2));
    EXPECT_EQ(backends_of("web"), 2U);
    EXPECT_EQ(asked_again, 0);
}

TEST_F(IntakeTest, ALargeRemovalWaitsForItsTimeAndASecondAnswer) {
    intake.put(service("web", 4));
    intake.put(service("web", 1));
    EXPECT_EQ(backends_of("web"), 4U);
    EXPECT_EQ(asked_again, 1);
    ASSERT_EQ(intake.held().size(), 1U);
    EXPECT_EQ(intake.held().front().from, 4U);
    EXPECT_EQ(intake.held().front().to, 1U);

    intake.put(service("web", 1));
    EXPECT_EQ(intake.tick(), now + 5s);
    EXPECT_EQ(backends_of("web"), 4U);
    now += 5s;
    EXPECT_EQ(intake.tick(), std::nullopt);
    EXPECT_EQ(backends_of("web"), 1U);
    EXPECT_EQ(intake.figures().held_taken, 1U);
    EXPECT_TRUE(intake.held().empty());
}

TEST_F(IntakeTest, WithoutASecondAnswerNothingGoes) {
    intake.put(service("web", 4));
    intake.remove("web");
    now += 1h;
    intake.tick();
    EXPECT_EQ(backends_of("web"), 4U);
    intake.remove("web");  // the second answer comes late
    EXPECT_EQ(intake.services().size(), 0U);
}

TEST_F(IntakeTest, ALaterAnswerWithdrawsIt) {
    intake.put(service("web", 4));
    intake.replace({});
    intake.replace({});
    intake.put(service("web", 4));
    now += 10s;
    intake.tick();
    EXPECT_EQ(backends_of("web"), 4U);
    EXPECT_EQ(intake.figures().held_withdrawn, 1U);
}

TEST_F(IntakeTest, AFullAnswerTakesAwayWhatItDoesNotName) {
    auto empty = service("old", 0);
    intake.put(empty);  // nothing is lost with it
    intake.put(service("web", 2));
    intake.replace({service("web", 2), service("new", 1, "10.96.0.11")});
    EXPECT_EQ(intake.services().size(), 2U);
    EXPECT_FALSE(intake.services().contains("old"));
}

TEST_F(IntakeTest, AnEmptyAnswerTakesNothingAtOnce) {
    for (int i = 0; i < 10; ++i) intake.put(service("web" + std::to_string(i), 2));
    intake.replace({});
    EXPECT_EQ(intake.services().size(), 10U);
    EXPECT_EQ(intake.held().size(), 10U);
}

TEST_F(IntakeTest, SetsAreHeldLikeServices) {
    intake.put_set(query, backends(3));
    intake.put_set(query, {});
    EXPECT_EQ(intake.find_set(query)->size(), 3U);
    intake.put_set(query, {});
    now += 5s;
    intake.tick();
    EXPECT_TRUE(intake.find_set(query)->empty());
    intake.keep_sets({});
    EXPECT_EQ(intake.find_set(query), nullptr);
}

TEST_F(IntakeTest, WhatIsRememberedIsGuardedAsIfItHadBeenSaid) {
    const auto then = std::chrono::system_clock::time_point(1000s);
    auto known = service("web", 4);
    known.source = "etcd:main/web";
    intake.remember({shared(known)}, then);
    EXPECT_EQ(intake.last_answer(), then);
    EXPECT_FALSE(intake.complete());
    intake.replace({});
    intake.answered();
    EXPECT_EQ(backends_of("web"), 4U);
    EXPECT_EQ(intake.held().size(), 1U);
}

TEST_F(IntakeTest, WhatHasBeenSaidIsNotRememberedOver) {
    intake.put(service("web", 1));
    intake.remember({shared(service("web", 4))}, std::chrono::system_clock::time_point(1000s));
    EXPECT_EQ(backends_of("web"), 1U);
    intake.put_set(query, backends(1));
    intake.remember_set(query, backends(3));
    EXPECT_EQ(intake.find_set(query)->size(), 1U);
}

TEST_F(IntakeTest, AFailureTakesNothingAndEndsWithAnAnswer) {
    intake.put(service("web", 2));
    intake.failed(Failure::unreachable, {"ask", "http://127.0.0.1:2379", 0, "refused", {}});
    EXPECT_EQ(backends_of("web"), 2U);
    EXPECT_EQ(intake.error(), "cannot ask http://127.0.0.1:2379: refused");
    EXPECT_EQ(intake.figures().failures[0], 1U);
    intake.answered();
    EXPECT_EQ(intake.error(), "");
}

TEST_F(IntakeTest, RefusedObjectsAreNamedUntilTheyAreGood) {
    intake.refuse("meshd/web", {"accept", "etcd:main/meshd/web:1:1", 0, "no name", {}});
    EXPECT_EQ(intake.refused().size(), 1U);
    intake.accept("meshd/web");
    EXPECT_TRUE(intake.refused().empty());
}

TEST_F(IntakeTest, RulesAreNamedAfterTheirUnit) {
    model::Rule rule;
    rule.name = "no-db";
    intake.put_rules("meshd/policy", {rule});
    EXPECT_TRUE(intake.take_changes().rules);
    EXPECT_EQ(intake.rules().front().source, "etcd:main/meshd/policy");
    intake.put_rules("meshd/policy", {rule});
    EXPECT_FALSE(intake.take_changes().rules);
    intake.put_rules("meshd/policy", {});
    EXPECT_TRUE(intake.rules().empty());
}

TEST_F(IntakeTest, LetsGoOfRememberedSettingsThatAreNotSaidAgain) {
    const auto settings = [](const std::string& name) {
        model::ServiceSettings made;
        made.service = name;
        return std::make_shared<const model::ServiceSettings>(std::move(made));
    };
    intake.remember_settings({{"web", settings("web")}, {"mail", settings("mail")}});
    EXPECT_EQ(intake.settings().size(), 2U);
    intake.put_settings("web", settings("web"));
    intake.answered();
    EXPECT_EQ(intake.settings().size(), 1U);
    EXPECT_TRUE(intake.settings().contains("web"));
    EXPECT_EQ(intake.take_changes().settings.at("mail"), nullptr);
    intake.remember_settings({{"mail", settings("mail")}});
    EXPECT_EQ(intake.settings().size(), 1U) << "it has said all";
}

}  // namespace
}  // namespace meshd::registry
