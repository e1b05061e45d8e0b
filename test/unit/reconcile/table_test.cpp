// SPDX-License-Identifier: Apache-2.0
#include "reconcile/table.hpp"

#include <map>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reconcile/encode.hpp"

namespace meshd::reconcile {
namespace {

using testing::ElementsAre;

Candidate candidate(std::uint32_t id, const std::string& endpoint, std::uint32_t weight) {
    return {id, encode(*base::SocketAddress::parse(endpoint), base::Protocol::tcp), weight};
}

std::vector<std::uint32_t> ids(const std::vector<md_slot>& table) {
    std::vector<std::uint32_t> all;
    for (const auto& slot : table) all.push_back(slot.backend_id);
    return all;
}

TEST(SlotCounts, AreTheWeightsInLowestTerms) {
    EXPECT_THAT(slot_counts({300, 100}, 64), ElementsAre(3, 1));
    EXPECT_THAT(slot_counts({7}, 64), ElementsAre(1));
    EXPECT_TRUE(slot_counts({}, 64).empty());
}

TEST(SlotCounts, RoundWhatDoesNotFitAndForgetNobody) {
    const auto counts = slot_counts({1000, 999, 1}, 64);
    EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), 0U), 64U);
    EXPECT_EQ(counts[2], 1U);
    EXPECT_LE(counts[0] - counts[1], 1U);
}

TEST(SmoothOrder, SpreadsTheHeavyOne) {
    EXPECT_THAT(smooth_order({5, 1, 1}), ElementsAre(0, 0, 1, 0, 2, 0, 0));
}  // nginx's own example

TEST(BuildTable, HoldsIpv4ThenIpv6) {
    const auto table = build_table({candidate(1, "[fd00::1]:80", 1), candidate(2, "10.0.0.1:80", 1)},
                                   {model::Balancing::random, model::WhenNoBackend::refuse});
    EXPECT_THAT(ids(table), ElementsAre(2, 1));
    EXPECT_EQ(table[1].table.slots_v4, 1U);
    EXPECT_EQ(table[1].table.slots_v6, 1U);
}

TEST(BuildTable, GivesRoundRobinOneSlotEach) {
    const auto table = build_table({candidate(1, "10.0.0.1:80", 5), candidate(2, "10.0.0.2:80", 1)},
                                   {model::Balancing::round_robin, model::WhenNoBackend::refuse});
    EXPECT_THAT(ids(table), ElementsAre(1, 2));
    EXPECT_EQ(table[0].table.pick, MD_PICK_CYCLE);
}

TEST(BuildTable, GivesWeightedItsExactSharesInACycle) {
    const auto table = build_table({candidate(1, "10.0.0.1:80", 3), candidate(2, "10.0.0.2:80", 1)},
                                   {model::Balancing::weighted, model::WhenNoBackend::refuse});
    EXPECT_THAT(ids(table), ElementsAre(1, 1, 2, 1));
}

TEST(BuildTable, SaysHowToFailWhenNobodyIsThere) {
    const auto table = build_table({}, {model::Balancing::random, model::WhenNoBackend::unreachable});
    ASSERT_EQ(table.size(), 1U);
    EXPECT_EQ(table[0].backend_id, 0U);
    EXPECT_EQ(table[0].table.slots_v4 + table[0].table.slots_v6, 0U);
    EXPECT_EQ(table[0].table.no_backend, MD_NO_BACKEND_UNREACHABLE);
}

TEST(BuildTable, LeavesNobodyOutWhenThereAreMoreBackendsThanUsualSlots) {
    std::vector<Candidate> many;
    for (std::uint32_t i = 0; i < MD_MAX_SLOTS + 100; ++i)
        many.push_back(candidate(
            i + 1,
            "10." + std::to_string(i / 65536) + "." + std::to_string(i / 256 % 256) + "." + std::to_string(i % 256) + ":80",
            i % 2 + 1));
    const auto all = ids(build_table(many, {model::Balancing::random, model::WhenNoBackend::refuse}));
    EXPECT_EQ(std::set<std::uint32_t>(all.begin(), all.end()).size(), many.size());
}

}  // namespace
}  // namespace meshd::reconcile
