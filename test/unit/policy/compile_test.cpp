// SPDX-License-Identifier: Apache-2.0
#include "policy/compile.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policy/evaluate.hpp"
#include "unit/policy/random_policy.hpp"

namespace meshd::policy {
namespace {

// The tables as bpf/lib/policy.h walks them.
class Lookup {
public:
    Lookup(const Compiled& compiled, const md_ask_policy& query) : compiled_(compiled), query_(query) {}

    std::uint32_t rank() const {
        const bool v4 = decode().is_v4();
        const auto& head = compiled_.head;
        const std::uint32_t unbound =
            query_.foreign != 0 ? (v4 ? head.unknown_v4 : head.unknown_v6) : (v4 ? head.local_v4 : head.local_v6);
        const md_address none{};
        const bool bound = std::memcmp(&none, &query_.source, sizeof none) != 0;
        const std::uint32_t sources[3] = {0, bound ? longest(MD_PREFIX_SOURCE, query_.source) : unbound, workload()};
        const std::uint32_t destinations[3] = {0, longest(MD_PREFIX_DESTINATION, query_.destination.address), service()};
        std::uint32_t best = ~0U;
        for (int pattern = 0; pattern < MD_PATTERNS; ++pattern) {
            const int from = pattern / 12;
            const int to = pattern / 4 % 3;
            if ((from != 0 && sources[from] == 0) || (to != 0 && destinations[to] == 0)) continue;
            md_verdict_key key{};
            key.source = from != 0 ? sources[from] : 0;
            key.destination = to != 0 ? destinations[to] : 0;
            key.port = (pattern & 2) != 0 ? query_.destination.port : static_cast<__be16>(0);
            key.protocol = (pattern & 1) != 0 ? query_.destination.protocol : static_cast<__u8>(0);
            key.pattern = static_cast<__u8>(pattern);
            const auto found = compiled_.verdicts.find(key);
            if (found == compiled_.verdicts.end()) continue;
            EXPECT_TRUE(head.patterns >> pattern & 1);
            best = std::min(best, found->second.rank);
        }
        return best;
    }

private:
    base::IpAddress decode() const { return reconcile::decode(query_.destination).address; }

    std::uint32_t longest(md_prefix_kind kind, const md_address& address) const {
        std::uint32_t best = 0;
        std::uint32_t length = 0;
        base::IpAddress one;
        std::memcpy(one.bytes.data(), address.bytes, sizeof address.bytes);
        for (const auto& [key, id] : compiled_.prefixes) {
            base::Prefix prefix;
            std::memcpy(prefix.address.bytes.data(), key.address.bytes, sizeof key.address.bytes);
            prefix.length = static_cast<std::uint8_t>(key.length - MD_PREFIX_HEAD);
            if (key.kind != kind || !prefix.contains(one) || key.length < length) continue;
            best = id;
            length = key.length;
        }
        return best;
    }

    std::uint32_t workload() const {
        for (const auto cgroup : query_.cgroups) {
            md_policy_id key{};
            key.kind = MD_ID_WORKLOAD;
            std::memcpy(&key.endpoint.address, &cgroup, sizeof cgroup);
            if (const auto found = compiled_.ids.find(key); cgroup != 0 && found != compiled_.ids.end()) return found->second;
        }
        return 0;
    }

    std::uint32_t service() const {
        md_policy_id key{};
        key.kind = MD_ID_SERVICE;
        key.endpoint = query_.destination;
        const auto found = compiled_.ids.find(key);
        return found == compiled_.ids.end() ? 0 : found->second;
    }

    const Compiled& compiled_;
    const md_ask_policy& query_;
};

TEST(Compile, SaysWhatTheRulesSay) {
    std::size_t decided = 0;
    for (unsigned seed = 0; seed < 300; ++seed) {
        RandomPolicy random(seed);
        const auto source = random.source();
        const auto here = random.surroundings();
        const auto compiled = compile(source, here);
        ASSERT_TRUE(compiled) << compiled.error().message();
        const auto ordered = in_order(source.rules);
        for (int i = 0; i < 200; ++i) {
            const auto asked = random.question(here);
            const auto matched = matching(ordered, asked.question);
            const auto query = RandomPolicy::encode(asked, here);
            const auto rank = Lookup(*compiled, query).rank();
            const auto expected = matched.empty() ? ~0U : static_cast<std::uint32_t>(matched.front() - ordered.data());
            ASSERT_EQ(rank, expected) << "seed " << seed << ", question " << i;
            decided += matched.empty() ? 0 : 1;
        }
    }
    EXPECT_GT(decided, 10000U);
}

TEST(Compile, RefusesMoreThanItsBounds) {
    RandomPolicy random(3);
    auto source = random.source();
    while (source.rules.size() < 5) source = random.source();
    const auto here = random.surroundings();
    const auto too_many_rules = compile(source, here, {.rules = 4});
    ASSERT_FALSE(too_many_rules);
    EXPECT_THAT(too_many_rules.error().message(), testing::HasSubstr("rules, more than 4"));
    const auto too_many_verdicts = compile(source, here, {.verdicts = 2});
    ASSERT_FALSE(too_many_verdicts);
    EXPECT_THAT(too_many_verdicts.error().message(), testing::HasSubstr("more than 2 pairs"));
}

TEST(Compile, ThousandsOfRulesOfOneShapeStaySmall) {
    Source source;
    for (int i = 0; i < 4000; ++i) {
        model::Rule rule;
        rule.name = "rule" + std::to_string(i);
        rule.to = base::Prefix::parse("10." + std::to_string(i / 256) + "." + std::to_string(i % 256) + ".0/24");
        source.rules.push_back(rule);
    }
    const auto compiled = compile(source, {});
    ASSERT_TRUE(compiled);
    EXPECT_EQ(compiled->verdicts.size(), 4000U);
    EXPECT_EQ(compiled->head.patterns, std::uint64_t{1} << MD_PATTERN(0, MD_DESTINATION_CIDR, 0, 0));
}

TEST(Compile, NoRulesAndNoDenyIsNoPolicy) {
    EXPECT_TRUE(compile({}, {})->is_empty());
    EXPECT_FALSE(compile({{}, model::Action::deny, false}, {})->is_empty());
}

}  // namespace
}  // namespace meshd::policy
