// SPDX-License-Identifier: Apache-2.0
#include "health/targets.hpp"

#include <gtest/gtest.h>

#include "services.hpp"

namespace meshd::health {
namespace {

struct TargetsTest : testing::Test {
    void set(const model::Service& service) {
        targets.set(service, Clock::time_point(std::chrono::hours(1)), [&](Target& target, const Subscriber& subscriber) {
            joined.push_back(subscriber.service + " " + target.endpoint.text() + " " + std::to_string(target.id));
        });
    }
    std::vector<std::string> take() { return std::exchange(joined, {}); }

    Targets targets{1};
    std::vector<std::string> joined;
};
using Names = std::vector<std::string>;

TEST_F(TargetsTest, ABackendOfTwoServicesWithTheSameProbeIsOneTarget) {
    set(service("a", {at("10.0.0.1:80")}, quick()));
    set(service("b", {at("10.0.0.1:80")}, quick()));
    EXPECT_EQ(take(), (Names{"a 10.0.0.1:80 1", "b 10.0.0.1:80 1"}));
    EXPECT_EQ(targets.size(), 1U);
    targets.remove("a");
    EXPECT_NE(targets.find(1), nullptr);
    targets.remove("b");
    EXPECT_EQ(targets.size(), 0U);
}

TEST_F(TargetsTest, AnotherProbeIsAnotherTarget) {
    auto other = quick();
    other.healthy = 3;
    set(service("a", {at("10.0.0.1:80")}, quick()));
    set(service("b", {at("10.0.0.1:80")}, other));
    EXPECT_EQ(targets.size(), 2U);
}

TEST_F(TargetsTest, WhatStaysIsNotTouched) {
    set(service("a", {at("10.0.0.1:80"), at("10.0.0.2:80")}, quick()));
    take();
    auto changed = service("a", {at("10.0.0.2:80"), at("10.0.0.3:80")}, quick());
    changed.when_no_backend = model::WhenNoBackend::unreachable;
    set(changed);
    EXPECT_EQ(take(), (Names{"a 10.0.0.3:80 3"}));
    EXPECT_EQ(targets.find(1), nullptr);
    EXPECT_NE(targets.find(2), nullptr);
}

TEST_F(TargetsTest, AnotherProbeBeginsAnew) {
    set(service("a", {at("10.0.0.1:80")}, quick()));
    set(service("a", {at("10.0.0.1:80")}, quick(model::ProbeType::http)));
    EXPECT_EQ(take(), (Names{"a 10.0.0.1:80 1", "a 10.0.0.1:80 2"}));
    EXPECT_EQ(targets.size(), 1U);
}

TEST_F(TargetsTest, NeitherMaintenanceNorAServiceWithoutHealthIsProbed) {
    auto one = service("a", {at("10.0.0.1:80"), at("10.0.0.2:80")}, quick());
    one.ports[0].backends[0].state = model::BackendState::maint;
    one.ports[0].backends[1].state = model::BackendState::drain;
    set(one);
    EXPECT_EQ(take(), (Names{"a 10.0.0.2:80 1"}));
    one.health.probe.reset();
    set(one);
    EXPECT_EQ(targets.size(), 0U);
}

TEST_F(TargetsTest, TheProbesPortComesBeforeTheBackends) {
    auto probe = quick();
    probe.port = 8081;
    set(service("a", {at("10.0.0.1:80")}, probe));
    EXPECT_EQ(take(), (Names{"a 10.0.0.1:8081 1"}));
    auto two = service("b", {at("10.0.0.1:80")}, probe);
    two.ports.push_back({"metrics", 90, base::Protocol::tcp, {{at("10.0.0.1:9090"), 1, model::BackendState::ready, {}}}});
    set(two);
    EXPECT_EQ(targets.size(), 1U) << "all of them ask the same";
    EXPECT_EQ(targets.find(1)->subscribers.size(), 3U);
    EXPECT_EQ(targets.find(1)->subscribers[2].backend, at("10.0.0.1:9090"));
}

TEST_F(TargetsTest, NamesWhatIsNoLongerWanted) {
    set(service("a", {at("10.0.0.1:80")}, quick()));
    set(service("b", {at("10.0.0.1:80")}, quick()));
    EXPECT_EQ(targets.services_without([](const std::string& name) { return name == "b"; }), (Names{"a"}));
}

}  // namespace
}  // namespace meshd::health
