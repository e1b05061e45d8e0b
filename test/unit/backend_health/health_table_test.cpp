// SPDX-License-Identifier: Apache-2.0
#include "health/health_table.hpp"

#include <gtest/gtest.h>

#include "unit/backend_health/probed.hpp"

namespace meshd::health {
namespace {

// Of the first backend.
ProbeVerdict verdict(const HealthTable& table, const model::Service& service) {
    const auto& port = service.ports.front();
    return table.verdict(service, port, port.backends.front().endpoint);
}

TEST(HealthTable, BeginsAsTheServiceSays) {
    const HealthTable table;
    for (const bool healthy : {true, false}) {
        const auto found = verdict(table, probed("web", 2, 0, healthy));
        EXPECT_EQ(found.healthy, healthy);
        EXPECT_EQ(found.reason, "");
        EXPECT_FALSE(found.since);
    }
    auto web = probed("web", 1, 0, false);
    web.health.probe.reset();
    EXPECT_TRUE(verdict(table, web).healthy) << "one that is not probed is";
}

TEST(HealthTable, TellsWhatChanged) {
    HealthTable table;
    EXPECT_EQ(table.take({says("web", 1, true), says("api", 1, false)}), (std::set<std::string>{"api", "web"}));
    EXPECT_EQ(table.take({says("web", 1, true, 9), says("api", 1, false, 9)}), std::set<std::string>{});
    EXPECT_EQ(table.take({says("web", 1, false, 9)}), std::set<std::string>{"web"});
    const auto state = verdict(table, probed("web", 2));
    EXPECT_FALSE(state.healthy);
    EXPECT_EQ(state.reason, "refused");
    EXPECT_EQ(state.since->time_since_epoch(), std::chrono::seconds(9));
}

TEST(HealthTable, SinceIsWhenItBeganAlsoForAnotherWorker) {
    HealthTable table;
    table.take({says("web", 1, false, 1)});
    table.take({says("web", 1, false, 100)});
    EXPECT_EQ(verdict(table, probed("web", 1)).since->time_since_epoch(), std::chrono::seconds(1));
}

TEST(HealthTable, ForgetsWhatIsNoLongerNamed) {
    HealthTable table;
    table.take({says("web", 1, false), says("web", 2, false), says("api", 1, false), says("db", 1, false)});
    table.keep(probed("web", 1));
    EXPECT_EQ(table.size(), 3U);
    table.forget("api");
    table.keep_only({"web"});
    EXPECT_EQ(table.size(), 1U);
    auto web = probed("web", 1);
    web.health.probe.reset();
    table.keep(web);
    EXPECT_EQ(table.size(), 0U);
}

TEST(HealthTable, HoldsNoMoreThanItsBound) {
    HealthTable table(2);
    table.take({says("web", 1, false), says("web", 2, false), says("web", 3, false)});
    EXPECT_EQ(table.size(), 2U);
    EXPECT_EQ(table.take({says("web", 1, true)}), std::set<std::string>{"web"});
}

}  // namespace
}  // namespace meshd::health
