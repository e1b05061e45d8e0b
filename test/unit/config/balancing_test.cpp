// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "config/registry_file.hpp"
#include "config/settings_file.hpp"
#include "refusals.hpp"

namespace meshd::config {
namespace {

using model::Balancing;

model::Service read(const std::string& extra, const std::string& backends = "    backends: []\n") {
    const auto services = parse_services(service({.extra = extra, .backends = backends}), "web.yaml");
    EXPECT_TRUE(services) << services.error().message();
    return services ? services->front() : model::Service{};
}

TEST(ServiceBalancing, IsTheNameOfAPolicyOrAMapping) {
    EXPECT_EQ(read("").balancing, Balancing::random);
    EXPECT_EQ(read("    balancing: latency\n").balancing, Balancing::latency);
    EXPECT_EQ(read("    balancing: latency\n"), read("    balancing: {policy: latency}\n"));
    EXPECT_EQ(read("    balancing: {slow_start: 30s}\n").balancing, Balancing::random);
    for (const auto* const name : {"random", "round_robin", "weighted", "maglev", "least_connections", "latency"})
        EXPECT_EQ(model::name(read(std::string("    balancing: ") + name + "\n").balancing), name);
}

TEST(ServiceBalancing, HasItsOptions) {
    const auto options =
        read(
            "    balancing: {policy: maglev, hash: workload, slow_start: 1500ms, affinity: 1m, locality: {prefer: "
            "zone, spill_below: 0%}}\n")
            .balancing_options;
    EXPECT_EQ(options.hash, model::HashBy::workload);
    EXPECT_EQ(options.slow_start_ms, 1500U);
    EXPECT_EQ(options.affinity_s, 60U);
    EXPECT_EQ(options.prefer, model::Near::zone);
    EXPECT_EQ(options.spill_below_percent, 0U);
    EXPECT_EQ(read("    balancing: {policy: latency, failure_penalty: 0ms}\n").balancing_options.failure_penalty_ms, 0U);
    EXPECT_EQ(read("    balancing: {locality: {prefer: node, spill_open: 100}}\n").balancing_options.spill_open, 100U);
    EXPECT_EQ(read("    balancing: {policy: latency}\n").balancing_options, model::BalancingOptions{});
}

TEST(ServiceBalancing, HasSubsetsOfLabelledBackends) {
    const auto found =
        read("    subsets: [{name: old, labels: {version: v1, arch: arm}, weight: 95}, {name: new, labels: {version: v2}}]\n",
             "    backends: [{address: 10.0.0.1, labels: {version: \"2\"}}, {address: 10.0.0.2}]\n");
    ASSERT_EQ(found.subsets.size(), 2U);
    EXPECT_EQ(found.subsets[0], (model::Subset{"old", {{"arch", "arm"}, {"version", "v1"}}, 95}));
    EXPECT_EQ(found.subsets[1].weight, 1U);
    EXPECT_EQ(found.ports.front().backends[0].labels, (model::Labels{{"version", "2"}}));
    EXPECT_TRUE(found.ports.front().backends[1].labels.empty());
}

TEST(NodeLocality, IsOfThisNode) {
    EXPECT_EQ(parse_settings("node: {locality: eu/a/n1}\n", "meshd.yaml")->locality, "eu/a/n1");
    EXPECT_EQ(parse_settings("node: {locality: eu}\n", "meshd.yaml")->locality, "eu");
    for (const auto* const wrong : {"a/b/c/d", "/a", "a/", "a//b"}) {
        const auto result = parse_settings(std::string("node: {locality: ") + wrong + "}\n", "meshd.yaml");
        ASSERT_FALSE(result) << wrong;
        EXPECT_NE(result.error().message().find("meshd.yaml:1:18: \"locality\" must be \"REGION/ZONE/NODE\""), std::string::npos)
            << result.error().message();
    }
    EXPECT_EQ(parse_settings("node: {}\n", "meshd.yaml")->locality, "");
}

const Refusal table[] = {
    {"Nothing", service({.extra = "    balancing:\n"}),
     "5:5: \"balancing\" must be random, round_robin, weighted, maglev, least_connections or latency, found nothing"},
    {"UnknownKey", service({.extra = "    balancing: {polcy: latency}\n"}),
     "5:17: unknown key \"polcy\" in \"balancing\", expected policy, failure_penalty, hash, slow_start, affinity or locality; "
     "did you "
     "mean \"policy\"?"},
    {"UnknownPolicy", service({.extra = "    balancing: {policy: fastest}\n"}),
     "5:25: \"policy\" must be random, round_robin, weighted, maglev, least_connections or latency, found \"fastest\""},
    {"PenaltyWithoutAUnit", service({.extra = "    balancing: {policy: latency, failure_penalty: 1}\n"}),
     "5:51: \"failure_penalty\" must be a time from 0ms to 1h (units: ms, s, m, h), found 1"},
    {"PenaltyOfAnotherPolicy", service({.extra = "    balancing: {policy: random, failure_penalty: 1s}\n"}),
     "5:50: \"failure_penalty\" means nothing without \"policy: latency\"; write \"policy: latency\", or remove "
     "\"failure_penalty\""},
    {"HashOfAnotherPolicy", service({.extra = "    balancing: {policy: random, hash: source}\n"}),
     "5:39: \"hash\" means nothing without \"policy: maglev\" or \"affinity\"; write \"policy: maglev\" or \"affinity\", or "
     "remove "
     "\"hash\""},
    {"AffinityOfNobody", service({.extra = "    balancing: {affinity: 60s, hash: connection}\n"}),
     "5:38: \"affinity\" cannot be kept by \"hash: connection\"; write \"source\" or \"workload\""},
    {"SlowStartTooLong", service({.extra = "    balancing: {slow_start: 2h}\n"}),
     "5:29: \"slow_start\" must be a time from 1s to 1h (units: ms, s, m, h), found \"2h\""},
    {"LocalityWithoutKind", service({.extra = "    balancing: {locality: {spill_open: 5}}\n"}),
     "5:27: \"locality\" needs the key \"prefer\""},
    {"UnknownKind", service({.extra = "    balancing: {locality: {prefer: rack}}\n"}),
     "5:36: \"prefer\" must be node, zone or region, found \"rack\""},
    {"ShareWithoutPercent", service({.extra = "    balancing: {locality: {prefer: node, spill_below: 70}}\n"}),
     "5:55: \"spill_below\" must be a share of the near backends from 0% to 100%, found 70; write % behind the number"},
    {"LoadWithMaglev", service({.extra = "    balancing: {policy: maglev, locality: {prefer: node, spill_open: 5}}\n"}),
     "5:43: \"spill_open\" means nothing with \"policy: maglev\", whose choices do not depend on load; remove it"},
    {"NoSubsets", service({.extra = "    subsets: []\n"}),
     "5:14: \"subsets\" must have 1 to 32 subsets, found 0; remove the key"},
    {"SubsetWithoutLabels", service({.extra = "    subsets: [{name: a}]\n"}),
     "5:15: a subset needs the key \"labels\"; a subset is made of the backends that have all of its labels"},
    {"SubsetWithEmptyLabels", service({.extra = "    subsets: [{name: a, labels: {}}]\n"}),
     "5:33: \"labels\" must be a mapping from at most 64 names to texts, such as {version: v2}, found a mapping"},
    {"SubsetTwice", service({.extra = "    subsets: [{name: a, labels: {v: b}}, {name: a, labels: {v: c}}]\n"}),
     "5:49: subset \"a\" is given twice, first in line 5"},
    {"LabelIsANumber", service({.backends = "    backends: [{address: 10.0.0.1, labels: {version: 2}}]\n"}),
     "5:54: \"version\" must be text of at most 127 bytes, found 2"},
};

INSTANTIATE_TEST_SUITE_P(Balancing, RegistryRefusal, testing::ValuesIn(table), name_of);

}  // namespace
}  // namespace meshd::config
