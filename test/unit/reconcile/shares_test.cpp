// SPDX-License-Identifier: Apache-2.0
#include "reconcile/shares.hpp"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/reconcile/builders.hpp"

namespace meshd::reconcile {
namespace {

using testing::ElementsAre;

model::Backend labelled(int host, const std::string& version, std::uint16_t weight = 1) {
    auto value = backend("10.0." + std::to_string(host / 250) + "." + std::to_string(host % 250 + 1) + ":80", weight);
    value.labels = {{"version", version}};
    return value;
}

model::Backend at(int host, const std::string& locality, std::uint16_t weight = 1) {
    auto value = backend("10.0.0." + std::to_string(host) + ":80", weight);
    value.locality = locality;
    return value;
}

// All of the service's backends but those at `unusable`.
std::vector<Candidate> shared_out(const model::Service& value, const std::string& locality = "",
                                  const std::set<std::size_t>& unusable = {}) {
    std::vector<Candidate> usable;
    const auto& port = value.ports.front();
    for (std::size_t i = 0; i < port.backends.size(); ++i) {
        const auto& one = port.backends[i];
        if (!unusable.contains(i))
            usable.push_back({static_cast<std::uint32_t>(i + 1), encode(one.endpoint, port.protocol), one.weight, one.weight, i});
    }
    return share_out(std::move(usable), value, port, locality);
}

// The part of the slots that each subset has.
std::map<int, double> shares(const model::Service& value, const std::vector<Candidate>& candidates) {
    std::map<int, double> sums;
    const auto table = build_table(candidates, {value.balancing, {}, {}, MD_FORWARD_NONE, 0, 0, true});
    for (const auto& slot : table) sums[slot.subset] += 1.0 / static_cast<double>(table.size());
    return sums;
}

model::Service canary(int stable, int fresh, std::uint16_t stable_weight, std::uint16_t fresh_weight) {
    auto value = service("web", "10.96.0.1", {});
    for (int i = 0; i < stable + fresh; ++i) value.ports.front().backends.push_back(labelled(i, i < stable ? "v1" : "v2"));
    value.subsets = {{"stable", {{"version", "v1"}}, stable_weight}, {"canary", {{"version", "v2"}}, fresh_weight}};
    return value;
}

TEST(Shares, GiveASubsetItsWeightWhateverTheNumberOfItsBackends) {
    for (const auto& [stable, fresh] : {std::pair{1, 1}, {19, 1}, {1, 19}, {7, 11}, {40, 3}})
        EXPECT_NEAR(shares(canary(stable, fresh, 95, 5), shared_out(canary(stable, fresh, 95, 5)))[1], 0.05, 1e-9)
            << stable << " and " << fresh;
}

TEST(Shares, RoundASubsetByLessThanOneInAThousandWhereNumbersAreAwkward) {
    for (const auto& [stable, fresh] : {std::pair{2000, 1}, {1, 2000}, {997, 991}, {1999, 101}}) {
        const auto value = canary(stable, fresh, 503, 497);
        EXPECT_NEAR(shares(value, shared_out(value))[1], 0.497, 0.001) << stable << " and " << fresh;
    }
}

TEST(Shares, LeaveOutWhoIsInNoSubsetOrInOneWithoutWeight) {
    auto value = canary(2, 1, 1, 0);
    value.ports.front().backends.push_back(labelled(9, "v3"));
    EXPECT_EQ(shared_out(value).size(), 2U);
}

TEST(Shares, GiveAnEmptySubsetsShareToTheOthers) {
    const auto value = canary(2, 1, 95, 5);
    const auto left = shared_out(value, "", {2});
    EXPECT_THAT(shares(value, left), ElementsAre(testing::Pair(0, testing::DoubleNear(1, 1e-9))));
}

TEST(Shares, KeepWeightsWithinASubset) {
    auto value = canary(2, 2, 1, 1);
    value.balancing = model::Balancing::weighted;
    value.ports.front().backends[0].weight = 3;
    std::map<std::uint32_t, int> slots;
    for (const auto& slot : build_table(shared_out(value), {value.balancing, {}, {}, MD_FORWARD_NONE, 0, 0, true}))
        ++slots[slot.backend_id];
    EXPECT_THAT(slots, ElementsAre(testing::Pair(1, 3), testing::Pair(2, 1), testing::Pair(3, 2), testing::Pair(4, 2)));
}

std::vector<std::uint32_t> near_ids(const std::vector<Candidate>& candidates) {
    std::vector<std::uint32_t> ids;
    for (const auto& candidate : candidates)
        if (candidate.is_near) ids.push_back(candidate.id);
    return ids;
}

model::Service spread(model::Near prefer) {
    auto value = service("web", "10.96.0.1",
                         {at(1, "eu/a/n1"), at(2, "eu/a/n1"), at(3, "eu/a/n2"), at(4, "eu/b/n3"), at(5, "us/a/n1"), at(6, "")});
    value.balancing_options.prefer = prefer;
    return value;
}

TEST(Locality, FindsTheNearOnesOfEachKind) {
    EXPECT_THAT(near_ids(shared_out(spread(model::Near::node), "eu/a/n1")), ElementsAre(1, 2));
    EXPECT_THAT(near_ids(shared_out(spread(model::Near::zone), "eu/a/n1")), ElementsAre(1, 2, 3));
    EXPECT_THAT(near_ids(shared_out(spread(model::Near::region), "eu/a/n1")), ElementsAre(1, 2, 3, 4));
    EXPECT_THAT(near_ids(shared_out(spread(model::Near::anywhere), "eu/a/n1")), ElementsAre());
}

TEST(Locality, WidensTheAreaWhenTooFewAreUsable) {
    EXPECT_THAT(near_ids(shared_out(spread(model::Near::node), "eu/a/n1", {0})), ElementsAre(2, 3, 4))
        << "1 of 2, 2 of 3: too few";
    EXPECT_THAT(near_ids(shared_out(spread(model::Near::node), "eu/a/n1", {0, 1})), ElementsAre())
        << "0 of 2, 1 of 3, 2 of 4: too few";
    auto careless = spread(model::Near::node);
    careless.balancing_options.spill_below_percent = 50;
    EXPECT_THAT(near_ids(shared_out(careless, "eu/a/n1", {0})), ElementsAre(2));
}

TEST(Locality, OfANodeThatIsNotKnownMakesNobodyNear) {
    for (const auto* locality : {"", "asia/a/n1"})
        EXPECT_THAT(near_ids(shared_out(spread(model::Near::zone), locality)), ElementsAre()) << locality;
}

TEST(Locality, PutsNearSlotsFirstInEachFamily) {
    auto value = service("web", "10.96.0.1",
                         {backend("10.0.0.1:80"), backend("10.0.0.2:80"), backend("[fd00::1]:80"), backend("[fd00::2]:80")});
    for (const std::size_t i : {1U, 3U}) value.ports.front().backends[i].locality = "eu/a/n1";
    value.balancing_options.prefer = model::Near::node;
    std::vector<std::uint32_t> ids;
    const auto table = build_table(shared_out(value, "eu/a/n1"), {value.balancing});
    for (const auto& slot : table) ids.push_back(slot.backend_id);
    EXPECT_THAT(ids, ElementsAre(2, 1, 4, 3));
    EXPECT_EQ(table.front().table.near_v4, 1U);
    EXPECT_EQ(table.front().table.near_v6, 1U);
}

TEST(Plan, SetsAndRemovesWhatProgramsLookAt) {
    auto value = service("web", "10.96.0.1", {backend("10.0.0.1:80")});
    value.balancing = model::Balancing::latency;
    const auto first = plan({}, desired({value}), {});
    EXPECT_THAT(kinds(first.operations),
                ElementsAre("set_backend", "name_service", "set_balancing", "replace_table", "publish_frontend"));
    const auto state = after({}, first.operations);
    EXPECT_TRUE(plan(state, desired({value}), first.ids).operations.empty());
    value.balancing = model::Balancing::random;
    EXPECT_THAT(kinds(plan(state, desired({value}), first.ids).operations), ElementsAre("replace_table", "remove_balancing"));
    EXPECT_THAT(kinds(plan(state, desired({}), first.ids).operations),
                ElementsAre("remove_frontend", "remove_table", "remove_balancing", "unname_service", "remove_backend"));
}

TEST(Plan, MakesAMaglevTableForThePolicyOfThatName) {
    auto value = service("web", "10.96.0.1", {backend("10.0.0.1:80")});
    value.balancing = model::Balancing::maglev;
    EXPECT_THAT(kinds(plan({}, desired({value}), {}).operations),
                ElementsAre("set_backend", "name_service", "set_maglev", "set_balancing", "replace_table", "publish_frontend"));
}

TEST(Plan, LetsOnlyThoseStartSlowlyWhoComeToOthers) {
    auto value = service("web", "10.96.0.1", {backend("10.0.0.1:80"), backend("10.0.0.2:80", 1, model::BackendState::drain)});
    value.balancing_options.slow_start_ms = 30000;
    const auto first = plan({}, desired({value}), {});
    EXPECT_THAT(kinds(first.operations), testing::Not(testing::Contains("warm_backend")));
    const auto state = after({}, first.operations);
    value.ports.front().backends[1].state = model::BackendState::ready;
    const auto second = plan(state, desired({value}), first.ids);
    EXPECT_THAT(kinds(second.operations), ElementsAre("set_backend", "warm_backend", "set_balancing", "replace_table"));
    EXPECT_EQ(second.operations[1].backend_id, 2U);
    EXPECT_TRUE(plan(after(state, second.operations), desired({value}), second.ids).operations.empty());
}

}  // namespace
}  // namespace meshd::reconcile
