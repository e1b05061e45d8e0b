// SPDX-License-Identifier: Apache-2.0
#include "reconcile/forward.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reconcile/reconciler.hpp"
#include "unit/reconcile/builders.hpp"
#include "unit/reconcile/memory_maps.hpp"

namespace meshd::reconcile {
namespace {

using model::Forward;
using testing::ElementsAre;

const ForwardPolicy nat{true, Forward::nat};
const ForwardPolicy dsr{true, Forward::dsr};

model::Service web(std::vector<model::Backend> backends = {backend("10.0.0.1:80")}) {
    return service("web", "10.96.0.1", std::move(backends));
}

md_forward forward_of(const model::Service& value, const ForwardPolicy& policy) {
    return reconcile::forward_of(value, value.ports.front(), policy);
}

TEST(Forward, IsOffWithoutDevices) {
    auto value = web();
    value.forward = Forward::nat;
    EXPECT_EQ(forward_of(value, {}), MD_FORWARD_NONE);
}

TEST(Forward, GoesByTheServiceThenByTheConfiguration) {
    auto value = web();
    EXPECT_EQ(forward_of(value, nat), MD_FORWARD_NAT);
    EXPECT_EQ(forward_of(value, dsr), MD_FORWARD_DSR);
    EXPECT_EQ(forward_of(value, {true, Forward::off}), MD_FORWARD_NONE);
    value.forward = Forward::off;
    EXPECT_EQ(forward_of(value, nat), MD_FORWARD_NONE);
    value.forward = Forward::nat;
    EXPECT_EQ(forward_of(value, dsr), MD_FORWARD_NAT);
}

TEST(Forward, DoesNotReturnDirectlyFromAnotherPortOrANodePort) {
    EXPECT_EQ(forward_of(web({backend("10.0.0.1:80"), backend("10.0.0.2:8080")}), dsr), MD_FORWARD_NONE);
    auto value = web();
    value.ports.front().node_port = 30080;
    EXPECT_EQ(forward_of(value, dsr), MD_FORWARD_NONE);
}

TEST(ForwardPlan, PutsTheMaglevTableInPlaceBeforeTheTableThatSaysSo) {
    EXPECT_THAT(kinds(plan({}, desired({web()}), {}, nat).operations),
                ElementsAre("set_backend", "name_service", "set_maglev", "replace_table", "publish_frontend"));
}

TEST(ForwardPlan, TakesTheMaglevTableAwayAfterTheTableThatSaidSo) {
    const auto before = after({}, plan({}, desired({web()}), {}, nat).operations);
    EXPECT_THAT(kinds(plan(before, desired({web()}), {}, ForwardPolicy{}).operations),
                ElementsAre("replace_table", "remove_maglev"));
    EXPECT_THAT(kinds(plan(before, desired({}), {}, nat).operations),
                ElementsAre("remove_frontend", "remove_table", "remove_maglev", "unname_service", "remove_backend"));
}

TEST(ForwardPlan, IsDoneAfterItWasDone) {
    const auto state = desired({web({backend("10.0.0.1:80", 3), backend("[fd00::1]:80"), backend("10.0.0.2:80", 0)})});
    EXPECT_TRUE(plan(after({}, plan({}, state, {}, nat).operations), state, {}, nat).operations.empty());
}

TEST(ForwardPlan, PutsOnlyUsableBackendsIntoTheMaglevTable) {
    const auto operations = plan({},
                                 desired({web({backend("10.0.0.1:80"), backend("10.0.0.2:80", 0),
                                               backend("10.0.0.3:80", 1, model::BackendState::drain)})}),
                                 {}, nat)
                                .operations;
    const auto found = std::find_if(operations.begin(), operations.end(),
                                    [](const auto& operation) { return operation.kind == OperationKind::set_maglev; });
    ASSERT_NE(found, operations.end());
    EXPECT_EQ(found->maglev.candidates.size(), 1U);
    EXPECT_EQ(found->maglev.backends_v4, 3U);  // so that a backend that drains does not change the size
}

TEST(ForwardPlan, IgnoresWeightsOfARoundRobinButZero) {
    auto value = web({backend("10.0.0.1:80", 5), backend("10.0.0.2:80", 1)});
    value.balancing = model::Balancing::round_robin;
    for (const auto& operation : plan({}, desired({value}), {}, nat).operations)
        for (const auto& candidate : operation.maglev.candidates) EXPECT_EQ(candidate.weight, 1U);
}

TEST(ForwardPlan, SaysInTheTableHowToForwardAndForHowLongAClientKeepsItsBackend) {
    auto value = web();
    value.affinity_s = 1800;
    for (const auto& policy : {nat, ForwardPolicy{}})
        for (const auto& operation : plan({}, desired({value}), {}, policy).operations) {
            if (operation.kind != OperationKind::replace_table) continue;
            EXPECT_EQ(operation.table.front().table.forward, policy.enabled ? MD_FORWARD_NAT : MD_FORWARD_NONE);
            EXPECT_EQ(operation.table.front().table.affinity_s, policy.enabled ? 1800U : 0U);
        }
}

TEST(ForwardPlan, LeadsANodePortOfTheUnspecifiedAddressesToTheService) {
    auto value = web();
    value.ports.front().node_port = 30080;
    std::vector<std::string> published;
    for (const auto& operation : plan({}, desired({value}), {}, nat).operations)
        if (operation.kind == OperationKind::publish_frontend) published.push_back(text(operation.frontend));
    EXPECT_THAT(published, ElementsAre("[::]:30080/tcp", "0.0.0.0:30080/tcp", "10.96.0.1:80/tcp"));
}

class ForwardReconciler : public testing::Test {
protected:
    void answer(std::vector<model::Service> services) {
        Change change;
        change.full = change.complete = true;
        for (auto& value : services) change.upsert.push_back(shared(value));
        reconciler_.change(std::move(change));
    }

    MemoryMaps maps_;
    Reconciler reconciler_{maps_, 256};
};

TEST_F(ForwardReconciler, RefusesANodePortThatAnotherServiceHas) {
    auto one = web();
    one.ports.front().node_port = 30080;
    auto other = service("api", "10.96.0.2", {});
    other.ports.front().node_port = 30080;
    answer({one, other});
    EXPECT_EQ(reconciler_.pending().size(), 1U);
    EXPECT_EQ(reconciler_.pending().begin()->second, "0.0.0.0:30080/tcp belongs to service web");
}

TEST_F(ForwardReconciler, BringsAllTablesToAnotherConfiguration) {
    answer({web(), service("api", "10.96.0.2", {backend("10.0.0.2:80")})});
    EXPECT_EQ(maps_.state.maglev_count(), 0U);
    reconciler_.set_forwarding(nat);
    EXPECT_EQ(maps_.state.maglev_count(), 2U);
    reconciler_.set_forwarding({});
    EXPECT_EQ(maps_.state.maglev_count(), 0U);
}

TEST_F(ForwardReconciler, FindsAMaglevTableThatIsGoneOrIsAnother) {
    reconciler_.set_forwarding(nat);
    answer({web()});
    for (const std::uint64_t fingerprint : {0, 17}) {
        maps_.state.set_maglev(1, fingerprint);
        const auto drift = reconciler_.check();
        ASSERT_TRUE(drift);
        EXPECT_THAT(kinds(*drift), ElementsAre("set_maglev"));
        EXPECT_TRUE(reconciler_.check()->empty());
    }
}

TEST_F(ForwardReconciler, KeepsTheTableThatWasWhenTheMaglevTableCannotBeMade) {
    reconciler_.set_forwarding(nat);
    answer({web()});
    maps_.fail_when = [](const Operation& operation) { return operation.kind == OperationKind::set_maglev; };
    answer({web({backend("10.0.0.1:80"), backend("10.0.0.2:80")})});
    EXPECT_EQ(maps_.state.services().begin()->second.table.size(), 1U);
    EXPECT_TRUE(reconciler_.pending().contains("web"));
    maps_.fail_when = nullptr;
    reconciler_.retry();
    EXPECT_EQ(maps_.state.services().begin()->second.table.size(), 2U);
}

TEST(ForwardPlan, KeepsEveryPromiseOnRandomWaysBetweenRandomStates) {
    std::mt19937 random(11);
    RealizedState state;
    for (int round = 0; round < 300; ++round) {
        const auto wanted = random_desired(random);
        const ForwardPolicy policy{random() % 3 != 0, static_cast<Forward>(1 + random() % 3)};
        for (const auto& operation : plan(state, wanted, {256, 0, 0}, policy).operations) {
            simulate(state, operation);
            const auto broken = broken_promises(state);
            ASSERT_TRUE(broken.empty()) << text(operation) << ": " << broken.front();
        }
        ASSERT_TRUE(plan(state, wanted, {256, 0, 0}, policy).operations.empty());
    }
}

}  // namespace
}  // namespace meshd::reconcile
