// SPDX-License-Identifier: Apache-2.0
#include "health/backend_states.hpp"

#include <gmock/gmock.h>

#include "health/event_log.hpp"
#include "unit/reconcile/builders.hpp"

namespace meshd::health {
namespace {

using namespace std::chrono_literals;
using model::BackendState;
using reconcile::backend;
using testing::ElementsAre;
using testing::IsEmpty;

const Clock::time_point noon{12h};

BackendKey key(const std::string& endpoint) { return {{"web", 80, base::Protocol::tcp}, *base::SocketAddress::parse(endpoint)}; }
BackendName named(const std::string& endpoint) { return {"web", *base::SocketAddress::parse(endpoint)}; }

class BackendStatesTest : public testing::Test {
protected:
    BackendStatesTest() { service_.health.probe.emplace(); }
    BackendStates::Changes look(Clock::time_point now = noon, bool is_first = false) {
        return states_.look(service_, now, is_first);
    }
    std::vector<std::uint8_t> encoded() { return states_.states(service_, service_.ports.front()).of; }
    State state(const std::string& endpoint) { return states_.standing(key(endpoint)).state; }

    model::Service service_ = reconcile::service(
        "web", "10.96.0.1", {backend("10.0.0.1:80"), backend("10.0.0.2:80"), backend("10.0.0.3:80"), backend("10.0.0.4:80")});
    // By the last number of the address; all others are well.
    void sick(const std::set<int>& numbers) {
        for (int number = 1; number <= 4; ++number) {
            const auto address = *base::SocketAddress::parse("10.0.0." + std::to_string(number) + ":80");
            const bool well = !numbers.contains(number);
            const auto result = well ? model::ProbeResult::success : model::ProbeResult::refused;
            probes_.take({{"web", 80, base::Protocol::tcp, address, well, result, {}, noon}});
        }
    }

    HealthTable probes_;
    BackendStates states_{probes_};
};

TEST_F(BackendStatesTest, EveryBackendIsReadyOfWhichNothingIsKnown) {
    EXPECT_TRUE(look().empty());
    EXPECT_THAT(encoded(), ElementsAre(MD_BACKEND_READY, MD_BACKEND_READY, MD_BACKEND_READY, MD_BACKEND_READY));
    EXPECT_THAT(states_.known(), IsEmpty()) << "and costs no memory";
}

TEST_F(BackendStatesTest, FollowsTheRegistry) {
    service_.ports[0].backends[1].state = BackendState::drain;
    const auto changes = look();
    ASSERT_EQ(changes.backends.size(), 1U);
    EXPECT_EQ(changes.backends[0].from, State::ready);
    EXPECT_EQ(changes.backends[0].now.state, State::drain);
    EXPECT_EQ(changes.backends[0].now.reason, "the registry says so");
    EXPECT_EQ(changes.backends[0].now.since, noon);
    EXPECT_TRUE(look(noon + 1h).empty()) << "said once";
    EXPECT_EQ(states_.standing(key("10.0.0.2:80")).since, noon);
    service_.ports[0].backends[1].state = BackendState::ready;
    ASSERT_EQ(look(noon + 2h).backends.size(), 1U);
    EXPECT_EQ(state("10.0.0.2:80"), State::ready);
    EXPECT_EQ(states_.standing(key("10.0.0.2:80")).since, noon + 2h);
}

TEST_F(BackendStatesTest, TellsNobodyWhatItFindsAtFirst) {
    service_.ports[0].backends[1].state = BackendState::maint;
    EXPECT_TRUE(look(noon, true).empty());
    EXPECT_EQ(state("10.0.0.2:80"), State::maint);
}

TEST_F(BackendStatesTest, APersonsWordStandsAboveTheRegistrys) {
    service_.ports[0].backends[0].state = BackendState::maint;
    states_.set_override(named("10.0.0.1:80"), {BackendState::ready, noon, {}});
    states_.set_override(named("10.0.0.2:80"), {BackendState::drain, noon, noon + 10min});
    const auto changes = look();
    EXPECT_THAT(encoded(), ElementsAre(MD_BACKEND_READY, MD_BACKEND_DRAIN, MD_BACKEND_READY, MD_BACKEND_READY));
    EXPECT_THAT(changes.services, ElementsAre("web"));
    EXPECT_EQ(states_.standing(key("10.0.0.2:80")).until, noon + 10min);
    EXPECT_THAT(states_.expire_overrides(noon + 9min), IsEmpty());
    EXPECT_EQ(states_.next_expiry(), noon + 10min);
    EXPECT_THAT(states_.expire_overrides(noon + 10min), ElementsAre("web"));
    EXPECT_EQ(look(noon + 10min).backends.size(), 1U);
    EXPECT_THAT(encoded(), ElementsAre(MD_BACKEND_READY, MD_BACKEND_READY, MD_BACKEND_READY, MD_BACKEND_READY));
}

TEST_F(BackendStatesTest, NoWordMakesAnUnhealthyBackendReady) {
    sick({1});
    states_.set_override(named("10.0.0.1:80"), {BackendState::ready, noon, {}});
    look();
    EXPECT_EQ(state("10.0.0.1:80"), State::unhealthy);
    EXPECT_THAT(encoded(), ElementsAre(MD_BACKEND_UNHEALTHY, MD_BACKEND_READY, MD_BACKEND_READY, MD_BACKEND_READY));
    states_.set_override(named("10.0.0.1:80"), {BackendState::maint, noon, {}});
    look();
    EXPECT_EQ(state("10.0.0.1:80"), State::maint) << "and what somebody does on purpose hides it";
}

TEST_F(BackendStatesTest, WhatItsRegistryCallsUnhealthyStandsAsIfProbesFailed) {
    service_.ports[0].backends[0].state = BackendState::unhealthy;
    const auto changes = look();
    ASSERT_EQ(changes.backends.size(), 1U);
    EXPECT_EQ(changes.backends[0].now.state, State::unhealthy);
    EXPECT_EQ(changes.backends[0].now.reason, "its registry says so");
    EXPECT_THAT(encoded(), ElementsAre(MD_BACKEND_UNHEALTHY, MD_BACKEND_READY, MD_BACKEND_READY, MD_BACKEND_READY));
    service_.ports[0].backends[0].state = BackendState::ready;
    const auto better = look(noon + 1h);
    ASSERT_EQ(better.backends.size(), 1U);
    EXPECT_EQ(better.backends[0].now.state, State::ready);
    EXPECT_EQ(to_event(better.backends[0], noon).cause, "its registry calls it healthy");
}

TEST_F(BackendStatesTest, ABackendHasToPleaseItsRegistryAndItsProbes) {
    service_.ports[0].backends[0].state = BackendState::unhealthy;
    sick({1, 2});
    look();
    EXPECT_EQ(states_.standing(key("10.0.0.1:80")).reason, "its registry says so") << "the registry comes first";
    service_.ports[0].backends[0].state = BackendState::ready;
    EXPECT_TRUE(look().backends.empty()) << "it stays unhealthy";
    EXPECT_EQ(states_.standing(key("10.0.0.1:80")).reason, "refused");
    service_.ports[0].backends[0].state = BackendState::unhealthy;
    sick({2});
    states_.set_ejected(key("10.0.0.1:80"), {noon, noon + 30s, {}});
    look();
    EXPECT_EQ(state("10.0.0.1:80"), State::unhealthy) << "which hides an ejection";
}

TEST_F(BackendStatesTest, NoWordMakesABackendReadyThatItsRegistryCallsUnhealthy) {
    service_.ports[0].backends[0].state = BackendState::unhealthy;
    states_.set_override(named("10.0.0.1:80"), {BackendState::ready, noon, {}});
    look();
    EXPECT_EQ(state("10.0.0.1:80"), State::unhealthy);
    for (const auto word : {BackendState::drain, BackendState::maint}) {
        states_.set_override(named("10.0.0.1:80"), {word, noon, {}});
        look();
        EXPECT_EQ(name(state("10.0.0.1:80")), model::name(word)) << "what somebody does on purpose hides it";
        EXPECT_EQ(states_.standing(key("10.0.0.1:80")).reason, "set by hand");
    }
}

TEST_F(BackendStatesTest, PanicUsesWhatTheRegistryCallsUnhealthy) {
    for (const std::size_t i : {0U, 1U, 2U}) service_.ports[0].backends[i].state = BackendState::unhealthy;
    const auto changes = look();
    ASSERT_EQ(changes.panics.size(), 1U);
    EXPECT_EQ(changes.panics[0].usable, 1U);
    EXPECT_EQ(changes.panics[0].counted, 4U);
    EXPECT_THAT(encoded(), testing::Each(MD_BACKEND_READY));
    EXPECT_TRUE(states_.standing(key("10.0.0.1:80")).in_panic);
    service_.health.panic_percent = 0;
    look();
    EXPECT_THAT(encoded(), ElementsAre(MD_BACKEND_UNHEALTHY, MD_BACKEND_UNHEALTHY, MD_BACKEND_UNHEALTHY, MD_BACKEND_READY));
}

TEST_F(BackendStatesTest, AnEjectedOneStaysInTheTable) {
    states_.set_ejected(key("10.0.0.3:80"), {noon, noon + 30s, "5 failed connections in a row"});
    const auto changes = look();
    ASSERT_EQ(changes.backends.size(), 1U);
    EXPECT_EQ(changes.backends[0].now.state, State::ejected);
    EXPECT_EQ(changes.backends[0].now.until, noon + 30s);
    EXPECT_THAT(encoded(), ElementsAre(MD_BACKEND_READY, MD_BACKEND_READY, MD_BACKEND_READY, MD_BACKEND_READY));
    EXPECT_TRUE(states_.clear_ejected(key("10.0.0.3:80")));
    EXPECT_FALSE(states_.clear_ejected(key("10.0.0.3:80")));
    EXPECT_EQ(look(noon + 30s).backends.size(), 1U);
}

TEST_F(BackendStatesTest, PanicsBelowTheShareAndUsesAllThatNobodyTookOut) {
    service_.ports[0].backends.push_back(backend("10.0.0.5:80", 1, BackendState::drain));
    sick({1, 2});
    EXPECT_THAT(look().panics, IsEmpty()) << "two of four, the draining one does not count";
    states_.set_ejected(key("10.0.0.3:80"), {noon, noon + 30s, {}});
    const auto changes = look();
    ASSERT_EQ(changes.panics.size(), 1U);
    EXPECT_TRUE(changes.panics[0].panic);
    EXPECT_EQ(changes.panics[0].usable, 1U);
    EXPECT_EQ(changes.panics[0].counted, 4U);
    EXPECT_THAT(changes.services, ElementsAre("web"));
    EXPECT_TRUE(states_.states(service_, service_.ports.front()).panic);
    EXPECT_THAT(encoded(), ElementsAre(MD_BACKEND_READY, MD_BACKEND_READY, MD_BACKEND_READY, MD_BACKEND_READY, MD_BACKEND_DRAIN));
    EXPECT_TRUE(states_.standing(key("10.0.0.1:80")).in_panic);
    EXPECT_TRUE(states_.standing(key("10.0.0.1:80")).may_be_used());
    EXPECT_FALSE(states_.standing(key("10.0.0.5:80")).may_be_used());
    sick({});
    const auto better = look();
    ASSERT_EQ(better.panics.size(), 1U);
    EXPECT_FALSE(better.panics[0].panic);
}

TEST_F(BackendStatesTest, NeverPanicsWhereTheShareIsZeroOrAllAreWell) {
    service_.health.panic_percent = 0;
    sick({1, 2, 3, 4});
    EXPECT_THAT(look().panics, IsEmpty());
    sick({});
    service_.health.panic_percent = 100;
    look();
    EXPECT_FALSE(states_.in_panic({"web", 80, base::Protocol::tcp}));
}

TEST_F(BackendStatesTest, ForgetsBackendsAndServicesThatAreGone) {
    service_.ports[0].backends[1].state = BackendState::drain;
    sick({1});
    look();
    EXPECT_EQ(states_.known().size(), 2U);
    service_.ports[0].backends.erase(service_.ports[0].backends.begin() + 1);
    look();
    EXPECT_EQ(states_.known().size(), 1U);
    states_.set_ejected(key("10.0.0.3:80"), {noon, noon + 30s, {}});
    states_.forget("web");
    EXPECT_THAT(states_.known(), IsEmpty());
    EXPECT_THAT(states_.ejected(), IsEmpty());
}

TEST_F(BackendStatesTest, AWordHoldsOnEachPortOfTheServiceAndOnNoOther) {
    service_.ports.push_back({"admin", 81, base::Protocol::tcp, {backend("10.0.0.1:80")}});
    auto other = reconcile::service("web2", "10.96.0.2", {backend("10.0.0.1:80")});
    states_.set_override(named("10.0.0.1:80"), {BackendState::maint, noon, {}});
    EXPECT_EQ(look().backends.size(), 2U);
    EXPECT_TRUE(states_.look(other, noon).empty());
}

}  // namespace
}  // namespace meshd::health
