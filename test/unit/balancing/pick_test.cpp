// SPDX-License-Identifier: Apache-2.0
// The choice itself, drawn many times. Seeds are fixed; bounds of chi-square are those of p = 0.001 (any table of the
// distribution).
#include <cmath>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reconcile/encode.hpp"
#include "unit/balancing/native_choice.hpp"

namespace meshd::reconcile {
namespace {

using Counts = std::map<std::uint32_t, int>;
constexpr std::uint64_t now = 1000000000000;

class Pick : public testing::Test {
protected:
    // Backends 1, 2, … with these weights.
    void table(model::Balancing balancing, const std::vector<std::uint32_t>& weights, std::size_t near = 0) {
        std::vector<Candidate> candidates;
        for (std::uint32_t i = 0; i < weights.size(); ++i) {
            const auto endpoint =
                *base::SocketAddress::parse("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1) + ":80");
            candidates.push_back({i + 1, encode(endpoint, base::Protocol::tcp), weights[i],
                                  static_cast<std::uint16_t>(weights[i]), i, 0, i < near});
            maps_.vitals[i + 1] = {};
        }
        maps_.table = build_table(candidates, {balancing});
        maps_.maglev = build_maglev({candidates, candidates.size(), 0});
    }

    std::uint32_t choose() {
        md_draw draw{};
        draw.seed = static_cast<std::uint32_t>(random_());
        draw.hash = draw.seed;
        draw.position = position_++;
        draw.now_ns = now;
        return choose_natively(maps_, draw, balancing_ ? &*balancing_ : nullptr);
    }

    Counts choices(int count) {
        Counts seen;
        for (int i = 0; i < count; ++i) ++seen[choose()];
        return seen;
    }

    void eject(std::uint32_t id) { maps_.vitals[id].ejected_until_ns = now + 1; }

    // Each choice opens a connection, and the oldest of `most` is closed. Answers with who has how many in the end.
    Counts hold(int count, std::size_t most) {
        std::vector<std::uint32_t> open;
        for (int i = 0; i < count; ++i) {
            open.push_back(choose());
            ++maps_.vitals[open.back()].open;
            if (open.size() <= most) continue;
            --maps_.vitals[open.front()].open;
            open.erase(open.begin());
        }
        Counts held;
        for (const auto id : open) ++held[id];
        return held;
    }

    NativeMaps maps_;
    std::optional<md_balancing> balancing_;
    std::mt19937 random_{20261121};
    std::uint64_t position_ = 0;
};

double chi_square(const Counts& seen, const std::vector<std::uint32_t>& weights, int draws) {
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    double value = 0;
    for (std::uint32_t i = 0; i < weights.size(); ++i) {
        const double expected = draws * weights[i] / sum;
        const auto found = seen.find(i + 1);
        const double difference = (found == seen.end() ? 0 : found->second) - expected;
        value += difference * difference / expected;
    }
    return value;
}

TEST_F(Pick, RandomFollowsTheWeights) {
    table(model::Balancing::random, {5, 3, 2, 1});
    EXPECT_LT(chi_square(choices(100000), {5, 3, 2, 1}, 100000), 16.27);  // 3 degrees of freedom
}

TEST_F(Pick, WeightedIsExactOverItsCycles) {
    table(model::Balancing::weighted, {5, 3, 2});
    EXPECT_EQ(choices(100000), (Counts{{1, 50000}, {2, 30000}, {3, 20000}}));
}

TEST_F(Pick, WeightedSpreadsAnEjectedOnesTurnsAsWeightsSay) {
    table(model::Balancing::weighted, {4, 3, 2, 1});
    balancing_ = md_balancing{};
    balancing_->eject_ms = 1000;
    eject(4);
    const auto seen = choices(100000);
    EXPECT_FALSE(seen.contains(4));
    EXPECT_LT(chi_square(seen, {4, 3, 2}, 100000), 13.82);  // 2 degrees of freedom
}

TEST_F(Pick, TwoChoicesOfEqualsAreEven) {
    for (const auto policy : {model::Balancing::least_connections, model::Balancing::latency}) {
        table(policy, {1, 1, 1, 1, 1, 1, 1, 1});
        EXPECT_LT(chi_square(choices(80000), std::vector<std::uint32_t>(8, 1), 80000), 24.32);  // 7 degrees of freedom
    }
}

// A backend that loses every comparison is chosen only when both draws are of it: one time in n².
TEST_F(Pick, TwoChoicesAvoidTheWorst) {
    table(model::Balancing::latency, std::vector<std::uint32_t>(10, 1));
    for (auto& [id, vitals] : maps_.vitals) {
        vitals.connect_us = id == 3 ? 10000 : 1000;
        vitals.connect_ns = now;
    }
    constexpr int draws = 200000;
    EXPECT_NEAR(choices(draws)[3], draws / 100, 5 * std::sqrt(draws / 100.0));
}

TEST_F(Pick, LatencyAvoidsWhoFailsByHowMuchThatWeighs) {
    table(model::Balancing::latency, {1, 1});
    balancing_ = md_balancing{};
    for (auto& [id, vitals] : maps_.vitals) {
        vitals.connect_us = id == 1 ? 1000 : 50000;
        vitals.failures = id == 1 ? MD_FAILURES_ONE / 5 : 0;
        vitals.connect_ns = vitals.judged_ns = now;
    }
    balancing_->failure_penalty_us = 1000000;  // 0.2 s against 49 ms
    EXPECT_LT(choices(1000)[1], 350);
    balancing_->failure_penalty_us = 100000;  // 20 ms against 49 ms
    EXPECT_GT(choices(1000)[1], 650);
}

TEST_F(Pick, LeastConnectionsKeepsThemLevelForTheirWeights) {
    table(model::Balancing::least_connections, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
    for (const auto& [id, held] : hold(20000, 1000)) EXPECT_NEAR(held, 100, 10) << id;
    for (auto& [id, vitals] : maps_.vitals) vitals.open = 0;
    table(model::Balancing::least_connections, {3, 1});
    EXPECT_NEAR(hold(20000, 400)[1], 300, 15);
}

TEST_F(Pick, StaysWithinASubsetWhenItCompares) {
    table(model::Balancing::least_connections, {1, 1, 1, 1});
    for (auto& slot : maps_.table) slot.subset = slot.backend_id == 4 ? 1 : 0;
    for (const std::uint32_t id : {1, 2, 3}) maps_.vitals[id].open = 1000;
    EXPECT_NEAR(choices(40000)[4], 10000, 5 * std::sqrt(7500.0)) << "its share, however little it has to do";
}

TEST_F(Pick, FindsTheOnlyOneThatIsNotEjectedInASmallTable) {
    balancing_ = md_balancing{};
    balancing_->eject_ms = 1000;
    for (const auto policy : {model::Balancing::random, model::Balancing::round_robin, model::Balancing::least_connections,
                              model::Balancing::latency}) {
        table(policy, std::vector<std::uint32_t>(MD_WALKS, 1));
        for (std::uint32_t id = 1; id < MD_WALKS; ++id) eject(id);
        EXPECT_THAT(choices(2000), testing::ElementsAre(testing::Pair(MD_WALKS, 2000))) << model::name(policy);
    }
}

TEST_F(Pick, UsesAllWhenAllAreEjected) {
    balancing_ = md_balancing{};
    balancing_->eject_ms = 1000;
    for (const auto policy : {model::Balancing::random, model::Balancing::maglev, model::Balancing::least_connections}) {
        table(policy, {1, 1, 1});
        for (std::uint32_t id = 1; id <= 3; ++id) eject(id);
        EXPECT_EQ(choices(3000).size(), 3U) << model::name(policy);
    }
}

TEST_F(Pick, MaglevKeepsAHashAtItsBackendAndMovesOnlyThoseOfAnEjectedOne) {
    table(model::Balancing::maglev, std::vector<std::uint32_t>(10, 1));
    balancing_ = md_balancing{};
    balancing_->eject_ms = 1000;
    for (std::uint32_t hash = 0; hash < 20000; ++hash) {
        const md_draw draw{.seed = 0, .hash = md_mix_end(hash), .position = 0, .now_ns = now};
        maps_.vitals[7].ejected_until_ns = 0;
        const auto before = choose_natively(maps_, draw, &*balancing_);
        eject(7);
        const auto after = choose_natively(maps_, draw, &*balancing_);
        if (before == 7)
            EXPECT_NE(after, 7U);
        else
            EXPECT_EQ(before, after);
    }
}

TEST_F(Pick, SlowStartGivesAShareThatGrows) {
    table(model::Balancing::random, {1, 1, 1, 1});
    balancing_ = md_balancing{};
    balancing_->slow_start_ms = 16000;
    constexpr int draws = 160000;
    // It takes s of its turns and leaves the others to whoever is drawn next, itself among them.
    for (const auto& [age_s, share] : {std::pair{0, 1.0 / 16}, {1, 1.0 / 16}, {4, 0.25}, {8, 0.5}, {16, 1.0}}) {
        maps_.vitals[2].ready_since_ns = now - static_cast<std::uint64_t>(age_s) * 1000000000;
        const double expected = draws * share / (3 + share);
        EXPECT_NEAR(choices(draws)[2], expected, 5 * std::sqrt(expected) + draws * 0.004) << age_s;
    }
}

TEST_F(Pick, PrefersNearOnesUntilTheyHaveTooMuchToDo) {
    balancing_ = md_balancing{};
    balancing_->prefers_local = 1;
    balancing_->spill_open = 10;
    for (const auto policy : {model::Balancing::random, model::Balancing::weighted, model::Balancing::latency}) {
        table(policy, {1, 1, 1, 1, 1, 1}, 2);
        EXPECT_EQ(choices(1000).size(), 2U) << model::name(policy);
        maps_.vitals[1].open = 10;
        EXPECT_EQ(choices(2000).size(), 6U) << model::name(policy) << ": one is full";
        maps_.vitals[2].open = 10;
        EXPECT_LT(chi_square(choices(60000), {1, 1, 1, 1, 1, 1}, 60000), policy == model::Balancing::latency ? INFINITY : 20.52)
            << "5 degrees of freedom";
    }
    balancing_->spill_open = 0;
    EXPECT_EQ(choices(1000).size(), 2U) << "never";
}

TEST_F(Pick, KnowsNothingOfBackendsWithoutVitals) {
    balancing_ = md_balancing{};
    balancing_->eject_ms = balancing_->slow_start_ms = 1000;
    for (const auto policy :
         {model::Balancing::random, model::Balancing::maglev, model::Balancing::least_connections, model::Balancing::latency}) {
        table(policy, {1, 1, 1, 1});
        maps_.vitals.clear();
        EXPECT_EQ(choices(1000).size(), 4U) << model::name(policy);
    }
}

}  // namespace
}  // namespace meshd::reconcile
