// SPDX-License-Identifier: Apache-2.0
#include "reconcile/plan.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/reconcile/builders.hpp"

namespace meshd::reconcile {
namespace {

using testing::ElementsAre;

RealizedState realized(const model::DesiredState& state) { return after({}, plan({}, state, {}).operations); }

TEST(Plan, PublishesAServiceLast) {
    EXPECT_THAT(kinds(plan({}, desired({service("web", "10.96.0.1", {backend("10.0.0.1:80")})}), {}).operations),
                ElementsAre("set_backend", "name_service", "replace_table", "publish_frontend"));
}

TEST(Plan, RemovesABackendOnlyAfterNoServiceNamesIt) {
    const auto before = realized(desired({service("web", "10.96.0.1", {backend("10.0.0.1:80"), backend("10.0.0.2:80")})}));
    EXPECT_THAT(kinds(plan(before, desired({service("web", "10.96.0.1", {backend("10.0.0.1:80")})}), {}).operations),
                ElementsAre("replace_table", "remove_backend"));
}

TEST(Plan, RemovesAServiceFrontendFirst) {
    const auto before = realized(desired({service("web", "10.96.0.1", {backend("10.0.0.1:80")})}));
    EXPECT_THAT(kinds(plan(before, desired({}), {}).operations),
                ElementsAre("remove_frontend", "remove_table", "unname_service", "remove_backend"));
}

TEST(Plan, RemovesNothingWhileASourceIsSilent) {
    const auto before = realized(desired({service("web", "10.96.0.1", {backend("10.0.0.1:80")})}));
    EXPECT_TRUE(plan(before, desired({}, false), {}).operations.empty());
}

TEST(Plan, DropsWhatIsNamedAsGoneWhileAnotherSourceIsSilent) {
    const auto before = realized(desired({service("web", "10.96.0.1", {}), service("api", "10.96.0.2", {})}));
    const auto operations = plan(before, desired({}, false), {}, {"web"}).operations;
    EXPECT_TRUE(std::all_of(operations.begin(), operations.end(),
                            [](const auto& operation) { return operation.service == "web:80/tcp"; }));
    EXPECT_EQ(operations.size(), 3U);
}

TEST(Plan, MovesAnAddressInOneUpdate) {
    const auto before = realized(desired({service("old", "10.96.0.1", {backend("10.0.0.1:80")})}));
    const auto operations = plan(before, desired({service("new", "10.96.0.1", {backend("10.0.0.2:80")})}), {}).operations;
    EXPECT_EQ(std::count_if(operations.begin(), operations.end(),
                            [](const auto& operation) { return operation.kind == OperationKind::remove_frontend; }),
              0);
}

TEST(Plan, KeepsIdsOfBackendsThatStay) {
    auto before = realized(desired({service("web", "10.96.0.1", {backend("10.0.0.1:80"), backend("10.0.0.2:80")})}));
    const auto operations = plan(before, desired({service("web", "10.96.0.1", {backend("10.0.0.2:80"), backend("10.0.0.3:80")})}),
                                 IdAllocator::after(before, 64))
                                .operations;
    const auto now = after(before, operations);
    const auto& backends = now.services().begin()->second.backends;
    EXPECT_EQ(text(backends.at(2).endpoint), "10.0.0.2:80/tcp");
    EXPECT_EQ(text(backends.at(3).endpoint), "10.0.0.3:80/tcp");
}

TEST(Plan, DoesNotCareForTheOrderOfBackends) {
    const auto before = realized(desired({service("web", "10.96.0.1", {backend("10.0.0.1:80"), backend("10.0.0.2:80")})}));
    EXPECT_TRUE(plan(before, desired({service("web", "10.96.0.1", {backend("10.0.0.2:80"), backend("10.0.0.1:80")})}), {})
                    .operations.empty());
}

TEST(Plan, ReplacesTheTableWhenAServiceSaysSomethingElseOfTheShortWay) {
    auto web = service("web", "10.96.0.1", {backend("10.0.0.1:80")});
    const auto before = realized(desired({web}));
    web.acceleration = model::Acceleration::off;
    EXPECT_THAT(kinds(plan(before, desired({web}), {}).operations), ElementsAre("replace_table"));
}

TEST(Plan, NamesTheLimitWhenIdsRunOut) {
    IdAllocator ids;
    ids.max_services = 2;  // id 0 is none, so one is left
    const auto result = plan({}, desired({service("a", "10.96.0.1", {}), service("b", "10.96.0.2", {})}), ids);
    ASSERT_EQ(result.refused.size(), 1U);
    EXPECT_EQ(result.refused.front().first, "b");
    EXPECT_NE(result.refused.front().second.find("limits.services"), std::string::npos);
}

TEST(Plan, RepairsWhatSomebodyDeleted) {
    const auto wanted = desired({service("web", "10.96.0.1", {backend("10.0.0.1:80")})});
    const auto whole = realized(wanted);
    auto state = whole;
    state.remove_frontend(encode(*base::SocketAddress::parse("10.96.0.1:80"), base::Protocol::tcp));
    EXPECT_THAT(kinds(plan(state, wanted, {}).operations), ElementsAre("publish_frontend"));
    state = whole;
    state.remove_backend(1);
    EXPECT_EQ(kinds(plan(state, wanted, {}).operations).front(), "set_backend");
    state = whole;
    state.set_frontend(encode(*base::SocketAddress::parse("10.9.9.9:80"), base::Protocol::tcp), 1);
    EXPECT_THAT(kinds(plan(state, wanted, {}).operations), ElementsAre("remove_frontend"));
}

// The properties of the design, on random pairs of states. The seed is fixed and printed by the failing test.
class PlanProperties : public testing::TestWithParam<unsigned> {};

TEST_P(PlanProperties, LeadsFromAnyStateToAnyOtherAndEachPrefixIsSound) {
    std::mt19937 random(GetParam());
    auto state = realized(random_desired(random));
    for (int round = 0; round < 20; ++round) {
        const auto wanted = random_desired(random);
        const auto planned = plan(state, wanted, IdAllocator::after(state, 256));
        ASSERT_TRUE(planned.refused.empty());
        for (const auto& operation : planned.operations) {
            simulate(state, operation);
            const auto broken = broken_promises(state);
            ASSERT_TRUE(broken.empty()) << "after " << text(operation) << ": " << broken.front();
        }
        const auto rest = plan(state, wanted, IdAllocator::after(state, 256)).operations;
        ASSERT_TRUE(rest.empty()) << "not idempotent: " << text(rest.front());
    }
}

TEST_P(PlanProperties, GoesOnFromAnyCrash) {
    std::mt19937 random(GetParam());
    auto state = realized(random_desired(random));
    for (int round = 0; round < 20; ++round) {
        const auto wanted = random_desired(random);
        auto operations = plan(state, wanted, IdAllocator::after(state, 256)).operations;
        operations.resize(operations.empty() ? 0 : random() % operations.size());
        state = after(state, operations);  // killed here; the next agent reads the maps
        state = after(state, plan(state, wanted, IdAllocator::after(state, 256)).operations);
        ASSERT_TRUE(plan(state, wanted, IdAllocator::after(state, 256)).operations.empty());
        std::size_t ports = 0;
        for (const auto& [name, value] : wanted.services) ports += value->ports.size();
        ASSERT_EQ(state.services().size(), ports) << "garbage stayed";
    }
}

TEST_P(PlanProperties, AgreesWithItselfServiceByService) {
    std::mt19937 random(GetParam());
    auto state = realized(random_desired(random));
    const auto wanted = random_desired(random);
    std::set<std::string> names;
    for (const auto& [id, value] : state.services()) names.insert(value.name->service);
    for (const auto& [name, value] : wanted.services) names.insert(name);
    const auto scoped = plan(state, wanted, IdAllocator::after(state, 256), names).operations;
    EXPECT_TRUE(plan(after(state, scoped), wanted, {}).operations.empty());
}

INSTANTIATE_TEST_SUITE_P(Seeds, PlanProperties, testing::Range(1U, 41U));

}  // namespace
}  // namespace meshd::reconcile
