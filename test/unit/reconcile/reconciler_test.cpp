// SPDX-License-Identifier: Apache-2.0
#include "reconcile/reconciler.hpp"

#include <gtest/gtest.h>

#include "unit/reconcile/builders.hpp"
#include "unit/reconcile/memory_maps.hpp"

namespace meshd::reconcile {
namespace {

md_endpoint endpoint(const char* text) { return encode(*base::SocketAddress::parse(text), base::Protocol::tcp); }

class ReconcilerTest : public testing::Test {
protected:
    Change whole(std::vector<model::Service> services, bool complete = true) {
        Change change;
        change.full = true;
        change.complete = complete;
        for (auto& value : services) change.upsert.push_back(shared(value));
        return change;
    }

    MemoryMaps maps_;
    Reconciler reconciler_{maps_, 256};
};

TEST_F(ReconcilerTest, AppliesAChangeAndNothingTwice) {
    reconciler_.change(whole({service("web", "10.96.0.1", {backend("10.0.0.1:80")})}));
    EXPECT_TRUE(maps_.state.owner_of(endpoint("10.96.0.1:80")));
    const auto steps = maps_.steps;
    reconciler_.change(whole({service("web", "10.96.0.1", {backend("10.0.0.1:80")})}));
    EXPECT_EQ(maps_.steps, steps);
}

TEST_F(ReconcilerTest, RemovesWhatAWholeAnswerNoLongerNames) {
    reconciler_.change(whole({service("web", "10.96.0.1", {}), service("api", "10.96.0.2", {})}));
    reconciler_.change(whole({service("api", "10.96.0.2", {})}));
    EXPECT_FALSE(maps_.state.owner_of(endpoint("10.96.0.1:80")));
    EXPECT_EQ(maps_.state.services().size(), 1U);
}

TEST_F(ReconcilerTest, KeepsWhatAnIncompleteAnswerDoesNotName) {
    reconciler_.change(whole({service("web", "10.96.0.1", {}), service("api", "10.96.0.2", {})}));
    reconciler_.change(whole({service("api", "10.96.0.2", {})}, false));
    EXPECT_TRUE(maps_.state.owner_of(endpoint("10.96.0.1:80")));
}

TEST_F(ReconcilerTest, TakesOverTheIdsOfAnEarlierAgent) {
    reconciler_.change(whole({service("api", "10.96.0.2", {}), service("web", "10.96.0.1", {backend("10.0.0.1:80")})}));
    const auto id = *maps_.state.owner_of(endpoint("10.96.0.1:80"));
    Reconciler next(maps_, 256);
    ASSERT_TRUE(next.adopt());
    const auto steps = maps_.steps;
    next.change(whole({service("web", "10.96.0.1", {backend("10.0.0.1:80")}), service("api", "10.96.0.2", {})}));
    EXPECT_EQ(maps_.steps, steps);
    EXPECT_EQ(maps_.state.owner_of(endpoint("10.96.0.1:80")), id);
}

TEST_F(ReconcilerTest, TellsWhyAServiceIsPendingAndAppliesItLater) {
    maps_.fail_when = [](const Operation& operation) {
        return operation.kind == OperationKind::replace_table && operation.service == "web:80/tcp";
    };
    reconciler_.change(whole({service("web", "10.96.0.1", {backend("10.0.0.1:80")}), service("api", "10.96.0.2", {})}));
    ASSERT_TRUE(reconciler_.pending().contains("web"));
    EXPECT_FALSE(reconciler_.pending().contains("api"));
    EXPECT_FALSE(maps_.state.owner_of(endpoint("10.96.0.1:80"))) << "published without a table";
    maps_.fail_when = nullptr;
    reconciler_.retry();
    EXPECT_TRUE(reconciler_.pending().empty());
    EXPECT_TRUE(maps_.state.owner_of(endpoint("10.96.0.1:80")));
}

TEST_F(ReconcilerTest, EndsWhereItShouldWhateverFailsOnTheWay) {
    for (unsigned seed = 1; seed <= 60; ++seed) {
        std::mt19937 random(seed);
        for (int round = 0; round < 6; ++round) {
            maps_.fail_when = [&](const Operation&) { return random() % 5 == 0; };
            Change change;
            change.full = true;
            const auto wanted = random_desired(random);
            change.complete = true;
            for (const auto& [name, value] : wanted.services) change.upsert.push_back(value);
            reconciler_.change(change);
            for (int i = 0; i < 3; ++i) reconciler_.retry();
        }
        maps_.fail_when = nullptr;
        reconciler_.retry();
        ASSERT_TRUE(reconciler_.check());
        ASSERT_TRUE(reconciler_.pending().empty()) << "seed " << seed << ": " << reconciler_.pending().begin()->second;
        ASSERT_TRUE(plan(maps_.state, reconciler_.desired(), {}).operations.empty()) << "seed " << seed;
    }
}

TEST_F(ReconcilerTest, FindsRepairsAndCountsDrift) {
    reconciler_.change(whole({service("web", "10.96.0.1", {backend("10.0.0.1:80")})}));
    ASSERT_TRUE(reconciler_.check()->empty());
    maps_.state.remove_frontend(endpoint("10.96.0.1:80"));
    const auto drift = reconciler_.check();
    ASSERT_EQ(drift->size(), 1U);
    EXPECT_EQ(drift->front().kind, OperationKind::publish_frontend);
    EXPECT_TRUE(maps_.state.owner_of(endpoint("10.96.0.1:80")));
    EXPECT_EQ(reconciler_.figures().drift_operations, 1U);
    EXPECT_TRUE(reconciler_.last_drift());
}

TEST_F(ReconcilerTest, DoesNotTakeWhatIsPendingForDrift) {
    maps_.fail_when = [](const Operation& operation) { return operation.kind == OperationKind::publish_frontend; };
    reconciler_.change(whole({service("web", "10.96.0.1", {})}));
    EXPECT_TRUE(reconciler_.check()->empty());
    EXPECT_EQ(reconciler_.figures().drift_operations, 0U);
}

TEST_F(ReconcilerTest, RefusesAnAddressThatAnotherServiceHas) {
    reconciler_.change(whole({service("web", "10.96.0.1", {})}));
    Change change;
    change.complete = true;
    change.upsert = {shared(service("api", "10.96.0.1", {}))};
    reconciler_.change(change);
    EXPECT_EQ(reconciler_.pending().at("api"), "10.96.0.1:80/tcp belongs to service web");
    EXPECT_FALSE(reconciler_.desired().services.contains("api"));
}

TEST_F(ReconcilerTest, LetsTwoServicesSwapTheirAddresses) {
    reconciler_.change(whole({service("web", "10.96.0.1", {}), service("api", "10.96.0.2", {})}));
    Change change;
    change.complete = true;
    change.upsert = {shared(service("web", "10.96.0.2", {})), shared(service("api", "10.96.0.1", {}))};
    reconciler_.change(change);
    EXPECT_TRUE(reconciler_.pending().empty());
    EXPECT_EQ(maps_.state.owner_of(endpoint("10.96.0.1:80")), maps_.state.id_of({"api", 80, base::Protocol::tcp}));
}

TEST_F(ReconcilerTest, KeepsItsPictureWhenTheMapsCannotBeRead) {
    reconciler_.change(whole({service("web", "10.96.0.1", {})}));
    maps_.fail_reads = true;
    EXPECT_FALSE(reconciler_.check());
    EXPECT_EQ(reconciler_.realized().services().size(), 1U);
}

TEST_F(ReconcilerTest, PreviewsWithoutTouchingAnything) {
    reconciler_.change(whole({service("web", "10.96.0.1", {})}));
    const auto steps = maps_.steps;
    EXPECT_EQ(reconciler_.preview({}, true).size(), 3U);
    EXPECT_EQ(maps_.steps, steps);
}

}  // namespace
}  // namespace meshd::reconcile
