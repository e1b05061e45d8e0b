// SPDX-License-Identifier: Apache-2.0
// The policy in the kernel against the rules: random policies, random questions, asked of the core that the hooks run.
#include <limits>
#include <optional>

#include <gmock/gmock.h>

#include "bpf/datapath_fixture.hpp"
#include "kernel/limit_maps.hpp"
#include "kernel/policy_maps.hpp"
#include "policy/evaluate.hpp"
#include "unit/policy/random_policy.hpp"

namespace meshd::kernel {
namespace {

using policy::RandomPolicy;

class PolicyTest : public DatapathTest {};

TEST_F(PolicyTest, ProgramsSayWhatTheRulesSay) {
    const auto datapath = load();
    PolicyMaps maps(datapath);
    for (unsigned seed = 1000; seed < 1040; ++seed) {
        RandomPolicy random(seed);
        const auto source = random.source();
        const auto here = random.surroundings();
        const auto compiled = policy::compile(source, here);
        ASSERT_TRUE(compiled) << compiled.error().message();
        ASSERT_TRUE(maps.put(*compiled));
        EXPECT_TRUE(*maps.holds(*compiled));
        const auto ordered = policy::in_order(source.rules);
        for (int i = 0; i < 100; ++i) {
            const auto asked = i % 8 == 0 ? random.unspecified_question(here) : random.question(here);
            const auto matched = policy::matching(ordered, asked.question);
            const auto answer = datapath.ask(RandomPolicy::encode(asked, here));
            ASSERT_TRUE(answer);
            const auto action = matched.empty() ? source.otherwise : matched.front()->action;
            ASSERT_EQ(answer->verdict, action == model::Action::deny ? MD_VERDICT_DENY : MD_VERDICT_ALLOW)
                << "seed " << seed << ", question " << i;
            ASSERT_EQ(answer->rule, matched.empty() ? 0 : model::rule_id(*matched.front()));
        }
    }
}

TEST_F(PolicyTest, WhatIsReplacedLeavesNothing) {
    const auto datapath = load();
    PolicyMaps maps(datapath);
    EXPECT_EQ(*maps.generation(), 0U);
    for (unsigned seed = 1; seed < 5; ++seed) {
        RandomPolicy random(seed);
        const auto compiled = policy::compile(random.source(), random.surroundings());
        ASSERT_TRUE(maps.put(*compiled));
        EXPECT_EQ(*maps.generation(), seed);
        EXPECT_TRUE(*maps.holds(*compiled));
        EXPECT_EQ(maps.hits()->size(), compiled->ordered.size() + 1);
    }
    ASSERT_TRUE(maps.clear());
    EXPECT_EQ(*maps.generation(), 0U);
    EXPECT_TRUE(maps.hits()->empty());
    std::size_t left = 0;
    for (const auto* name : {"md_verdicts", "md_policy_ids"})
        ASSERT_TRUE(datapath.map(name).for_each([&](const std::byte*, const std::byte*) { ++left; }));
    EXPECT_EQ(left, 0U);
}

TEST_F(PolicyTest, WhatACrashLeftBehindIsNotBelieved) {
    const auto datapath = load();
    PolicyMaps maps(datapath);
    RandomPolicy random(7);
    const auto compiled = policy::compile(random.source(), random.surroundings());
    ASSERT_TRUE(maps.put(*compiled));
    md_verdict_key key{};
    key.generation = 2;  // an agent that ended before it put this generation in force
    const md_verdict verdict{};
    ASSERT_TRUE(datapath.map("md_verdicts").update(&key, &verdict));
    EXPECT_FALSE(*maps.holds(*compiled));
    EXPECT_EQ(*maps.generation(), 1U);
    ASSERT_TRUE(maps.put(*compiled));
    EXPECT_TRUE(*maps.holds(*compiled));
}

TEST_F(PolicyTest, APolicyThatDoesNotFitLeavesTheOldOneInForce) {
    const auto datapath = load();
    PolicyMaps maps(datapath);
    policy::Source small;
    small.otherwise = model::Action::deny;
    const auto first = policy::compile(small, {});
    ASSERT_TRUE(maps.put(*first));
    auto huge = *first;
    for (std::uint32_t i = 0; i < 2 * MD_MAX_VERDICTS + 1; ++i) {
        md_verdict_key key{};
        key.source = i;
        huge.verdicts.emplace(key, md_verdict{});
    }
    const auto refused = maps.put(huge);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message(), testing::HasSubstr("md_verdicts"));
    EXPECT_TRUE(*maps.holds(*first));
}

// Sockets whose end the kernel tells of are asked in the first walk, others in each.
TEST_F(PolicyTest, RepairOfLimitsAsksFewSockets) {
    const auto datapath = load();
    LimitMaps limits(datapath);
    md_limit bound{};
    bound.connections = 500;
    ASSERT_TRUE(limits.set({{3, bound}}));
    md_limit_state state{};
    state.open = 110;
    const std::uint32_t service = 3;
    ASSERT_TRUE(datapath.map("md_limit_state").update(&service, &state));
    const auto open = datapath.map("md_open");
    const auto put = [&](std::uint64_t cookie, bool followed, std::uint64_t since_ns) {
        md_open value{};
        value.service_id = service;
        value.followed = followed ? 1 : 0;
        value.since_ns = since_ns;
        ASSERT_TRUE(open.update(&cookie, &value));
    };
    const auto young = std::numeric_limits<std::uint64_t>::max();
    for (std::uint64_t i = 0; i < 100; ++i) put(1'000'000 + i, true, 1);
    // None of these sockets is there: in the first walk all are found out, but for those that came just now.
    for (std::uint64_t i = 0; i < 10; ++i) put(2'000'000 + i, false, young);
    EXPECT_EQ(*limits.repair(std::chrono::seconds(0)), 100U);
    EXPECT_EQ(limits.asked(), 100U);
    for (std::uint64_t i = 0; i < 50; ++i) put(1'000'000 + i, true, 1);
    for (std::uint64_t i = 0; i < 3; ++i) put(2'000'000 + i, false, 1);
    EXPECT_EQ(*limits.repair(std::chrono::seconds(0)), 3U);
    EXPECT_EQ(limits.asked(), 103U);
    EXPECT_EQ(limits.figures()->at(3).open, 7U);
}

TEST_F(PolicyTest, PlacesOfTracksThatAreGoneComeBack) {
    const auto datapath = load();
    LimitMaps limits(datapath);
    md_limit bound{};
    bound.connections = 500;
    ASSERT_TRUE(limits.set({{3, bound}}));
    md_limit_state state{};
    state.open = 3;
    const std::uint32_t service = 3;
    ASSERT_TRUE(datapath.map("md_limit_state").update(&service, &state));
    const auto put = [&](std::uint16_t port, std::optional<std::uint8_t> track_state) {
        md_track_key key{};
        key.source_port = port;
        md_open_track open{};
        open.service_id = service;
        ASSERT_TRUE(datapath.map("md_open_tracks").update(&key, &open));
        if (!track_state) return;
        md_track track{};
        track.kind = MD_TRACK_REQUEST;
        track.state = *track_state;
        ASSERT_TRUE(datapath.map("md_tracks").update(&key, &track));
    };
    put(1, MD_TRACK_ESTABLISHED);
    put(2, MD_TRACK_CLOSED);
    put(3, std::nullopt);
    EXPECT_EQ(*limits.repair(std::chrono::seconds(0)), 2U);
    EXPECT_EQ(limits.figures()->at(3).open, 1U);
}

TEST_F(PolicyTest, LimitsOfServicesThatHaveNoneGo) {
    const auto datapath = load();
    const LimitMaps limits(datapath);
    md_limit open{};
    open.connections = 5;
    md_limit rate{};
    rate.interval_ns = rate.burst_ns = 1000;
    ASSERT_TRUE(limits.set({{3, open}, {4, rate}}));
    EXPECT_EQ(limits.figures()->size(), 2U);
    rate.interval_ns = 2000;
    ASSERT_TRUE(limits.set({{4, rate}}));
    EXPECT_EQ(limits.figures()->size(), 1U);
}

}  // namespace
}  // namespace meshd::kernel
