// SPDX-License-Identifier: Apache-2.0
// Backends that probes find unhealthy: what is known of them, and that new connections avoid them.
#include "health/health_table.hpp"

#include <gtest/gtest.h>

#include "reconcile/reconciler.hpp"
#include "unit/reconcile/builders.hpp"
#include "unit/reconcile/memory_maps.hpp"

namespace meshd::reconcile {
namespace {

using health::HealthTable;

model::Service probed(const std::string& name, int backends, std::uint8_t panic = 50, bool initially_healthy = true) {
    std::vector<model::Backend> all;
    for (int i = 1; i <= backends; ++i) all.push_back(backend("10.0.0." + std::to_string(i) + ":80"));
    auto value = service(name, "10.96.0.1", std::move(all));
    value.health.emplace().panic_percent = panic;
    value.health->probe.initially_healthy = initially_healthy;
    return value;
}

model::BackendHealth says(const std::string& name, int number, bool healthy, int second = 1) {
    return {name,
            80,
            base::Protocol::tcp,
            *base::SocketAddress::parse("10.0.0." + std::to_string(number) + ":80"),
            healthy,
            healthy ? model::ProbeResult::success : model::ProbeResult::refused,
            {},
            std::chrono::system_clock::time_point(std::chrono::seconds(second))};
}

using Bits = std::vector<bool>;

TEST(HealthTable, BeginsAsTheServiceSays) {
    const HealthTable table;
    for (const bool healthy : {true, false}) {
        const auto web = probed("web", 2, 0, healthy);
        EXPECT_EQ(table.usable(web, web.ports[0]).backends, (Bits{healthy, healthy}));
        EXPECT_EQ(table.state(web, web.ports[0], web.ports[0].backends[0]).reason, "");
    }
}

TEST(HealthTable, TellsWhatChanged) {
    HealthTable table;
    EXPECT_EQ(table.take({says("web", 1, true), says("api", 1, false)}), (std::set<std::string>{"api", "web"}));
    EXPECT_EQ(table.take({says("web", 1, true, 9), says("api", 1, false, 9)}), std::set<std::string>{});
    EXPECT_EQ(table.take({says("web", 1, false, 9)}), std::set<std::string>{"web"});
    const auto web = probed("web", 2);
    const auto state = table.state(web, web.ports[0], web.ports[0].backends[0]);
    EXPECT_FALSE(state.healthy);
    EXPECT_EQ(state.reason, "refused");
    EXPECT_EQ(state.since.time_since_epoch(), std::chrono::seconds(9));
}

TEST(HealthTable, SinceIsWhenItBeganAlsoForAnotherWorker) {
    HealthTable table;
    table.take({says("web", 1, false, 1)});
    table.take({says("web", 1, false, 100)});
    const auto web = probed("web", 1);
    EXPECT_EQ(table.state(web, web.ports[0], web.ports[0].backends[0]).since.time_since_epoch(), std::chrono::seconds(1));
}

TEST(HealthTable, PanicsBelowTheThresholdOnly) {
    const auto web = probed("web", 4, 50);
    HealthTable table;
    table.take({says("web", 1, false), says("web", 2, false)});
    EXPECT_FALSE(table.usable(web, web.ports[0]).panic);
    EXPECT_EQ(table.usable(web, web.ports[0]).backends, (Bits{false, false, true, true}));
    table.take({says("web", 3, false)});
    const auto panic = table.usable(web, web.ports[0]);
    EXPECT_TRUE(panic.panic);
    EXPECT_EQ(panic.healthy, 1U);
    EXPECT_EQ(panic.backends, (Bits{true, true, true, true}));
    const auto never = probed("web", 4, 0);
    EXPECT_EQ(table.usable(never, never.ports[0]).backends, (Bits{false, false, false, true}));
}

TEST(HealthTable, CountsOnlyWhatIsReady) {
    auto web = probed("web", 4, 50);
    web.ports[0].backends[1].state = model::BackendState::drain;
    web.ports[0].backends[2].weight = 0;
    HealthTable table;
    table.take({says("web", 1, false)});
    const auto usable = table.usable(web, web.ports[0]);
    EXPECT_EQ(usable.ready, 2U);
    EXPECT_EQ(usable.healthy, 1U);
    EXPECT_EQ(usable.backends, (Bits{false, false, false, true}));
    table.take({says("web", 4, false)});
    EXPECT_EQ(table.usable(web, web.ports[0]).backends, (Bits{true, false, false, true}))
        << "drain and weight 0 stay what they are";
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
    web.health.reset();
    table.keep(web);
    EXPECT_EQ(table.size(), 0U);
}

TEST(HealthTable, HoldsNoMoreThanItsBound) {
    HealthTable table(2);
    table.take({says("web", 1, false), says("web", 2, false), says("web", 3, false)});
    EXPECT_EQ(table.size(), 2U);
    EXPECT_EQ(table.take({says("web", 1, true)}), std::set<std::string>{"web"});
}

class UnhealthyTest : public testing::Test {
protected:
    UnhealthyTest() { reconciler_.set_health(table_); }
    void publish(const model::Service& value) {
        Change change;
        change.full = change.complete = true;
        change.upsert = {shared(value)};
        reconciler_.change(std::move(change));
    }
    void hear(const std::vector<model::BackendHealth>& report) { reconciler_.health_changed(table_.take(report)); }
    // The last bytes of the addresses in the service's table.
    std::set<int> chosen() {
        std::set<int> result;
        for (const auto& slot : maps_.state.services().begin()->second.table)
            if (slot.backend_id != 0) result.insert(slot.backend.address.bytes[15]);
        return result;
    }

    MemoryMaps maps_;
    HealthTable table_;
    Reconciler reconciler_{maps_, 256};
};

TEST_F(UnhealthyTest, LeavesTheTableAndComesBack) {
    publish(probed("web", 3));
    EXPECT_EQ(chosen(), (std::set<int>{1, 2, 3}));
    hear({says("web", 2, false)});
    EXPECT_EQ(chosen(), (std::set<int>{1, 3}));
    hear({says("web", 2, true)});
    EXPECT_EQ(chosen(), (std::set<int>{1, 2, 3}));
}

TEST_F(UnhealthyTest, IsDrainedForSocketsThatAreNotConnected) {
    publish(probed("web", 3));
    hear({says("web", 2, false)});
    std::map<int, int> states;
    for (const auto& [id, one] : maps_.state.services().begin()->second.backends)
        states[one.endpoint.address.bytes[15]] = one.state;
    EXPECT_EQ(states, (std::map<int, int>{{1, MD_BACKEND_READY}, {2, MD_BACKEND_DRAIN}, {3, MD_BACKEND_READY}}));
}

TEST_F(UnhealthyTest, WithNoneLeftTheTableIsEmptyOrPanics) {
    publish(probed("web", 2, 0));
    hear({says("web", 1, false), says("web", 2, false)});
    EXPECT_EQ(chosen(), std::set<int>{});
    publish(probed("web", 2, 1));
    EXPECT_EQ(chosen(), (std::set<int>{1, 2}));
}

TEST_F(UnhealthyTest, IsNoDrift) {
    publish(probed("web", 3));
    hear({says("web", 2, false)});
    const auto drift = reconciler_.check();
    ASSERT_TRUE(drift);
    EXPECT_TRUE(drift->empty());
}

TEST_F(UnhealthyTest, ChangesOfServicesNobodyKnowsAreNothing) {
    publish(probed("web", 1));
    const auto steps = maps_.steps;
    hear({says("other", 1, false)});
    EXPECT_EQ(maps_.steps, steps);
}

}  // namespace
}  // namespace meshd::reconcile
