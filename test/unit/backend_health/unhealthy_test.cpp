// SPDX-License-Identifier: Apache-2.0
// New connections avoid backends that probes find unhealthy.
#include <gtest/gtest.h>

#include "health/backend_states.hpp"
#include "reconcile/reconciler.hpp"
#include "unit/backend_health/probed.hpp"
#include "unit/reconcile/memory_maps.hpp"

namespace meshd::health {
namespace {

class UnhealthyTest : public testing::Test {
protected:
    UnhealthyTest() {
        reconciler_.set_states([this](const auto& service, const auto& port) { return states_.states(service, port); });
    }
    void publish(const model::Service& value) {
        reconcile::Change change;
        change.full = change.complete = true;
        change.upsert = {reconcile::shared(value)};
        reconciler_.change(std::move(change));
    }
    void hear(const std::vector<model::BackendHealth>& report) { reconciler_.states_changed(table_.take(report)); }
    // The last bytes of the addresses in the service's table.
    std::set<int> chosen() {
        std::set<int> result;
        for (const auto& slot : maps_.state.services().begin()->second.table)
            if (slot.backend_id != 0) result.insert(slot.backend.address.bytes[15]);
        return result;
    }

    reconcile::MemoryMaps maps_;
    HealthTable table_;
    BackendStates states_{table_};
    reconcile::Reconciler reconciler_{maps_, 256};
};

TEST_F(UnhealthyTest, LeavesTheTableAndComesBack) {
    publish(probed("web", 3));
    EXPECT_EQ(chosen(), (std::set<int>{1, 2, 3}));
    hear({says("web", 2, false)});
    EXPECT_EQ(chosen(), (std::set<int>{1, 3}));
    hear({says("web", 2, true)});
    EXPECT_EQ(chosen(), (std::set<int>{1, 2, 3}));
}

TEST_F(UnhealthyTest, LeavesTheTableByItsRegistrysWordWithoutAProbe) {
    auto value = probed("web", 3);
    value.health.probe.reset();
    value.ports[0].backends[1].state = model::BackendState::unhealthy;
    publish(value);
    EXPECT_EQ(chosen(), (std::set<int>{1, 3}));
    value.ports[0].backends[1].state = model::BackendState::ready;
    publish(value);
    EXPECT_EQ(chosen(), (std::set<int>{1, 2, 3}));
}

TEST_F(UnhealthyTest, IsToldToSocketsThatAreNotConnected) {
    publish(probed("web", 3));
    hear({says("web", 2, false)});
    std::map<int, int> states;
    for (const auto& [id, one] : maps_.state.services().begin()->second.backends)
        states[one.endpoint.address.bytes[15]] = one.state;
    EXPECT_EQ(states, (std::map<int, int>{{1, MD_BACKEND_READY}, {2, MD_BACKEND_UNHEALTHY}, {3, MD_BACKEND_READY}}));
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
}  // namespace meshd::health
