// SPDX-License-Identifier: Apache-2.0
// Conformance with kube-proxy: which endpoints take connections (docs/kubernetes.md has the list).
#include "registry/kubernetes/endpoints.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kubernetes_texts.hpp"

namespace meshd::registry::kubernetes {
namespace {

const Here here_in_a{Word("n1"), Word("za"), {}};
const Here here_without_zone{Word("n1"), Word(), {}};

Endpoint hinted(Endpoint endpoint, const std::vector<std::string>& zones, const std::vector<std::string>& nodes = {}) {
    for (const auto& zone : zones) endpoint.for_zones.emplace_back(zone);
    for (const auto& node : nodes) endpoint.for_nodes.emplace_back(node);
    return endpoint;
}

struct Row {
    const char* name;
    std::vector<Endpoint> endpoints;
    const char* expected;
    Traffic traffic = Traffic::cluster;
    Distribution distribution = Distribution::anywhere;
    Here here = here_in_a;
};

// By index: GoogleTest keeps a parameter for longer than the words in a row live.
class Conformance : public testing::TestWithParam<std::size_t> {};

const std::vector<Row> rows{
    {"None", {}, ""},
    {"Ready", {endpoint("10.1.0.1", "ready"), endpoint("10.1.0.2", "ready")}, "10.1.0.1:8080 ready, 10.1.0.2:8080 ready"},
    {"UnreadyIsShownAndNotUsed",
     {endpoint("10.1.0.1", "ready"), endpoint("10.1.0.2", "unready")},
     "10.1.0.1:8080 ready, 10.1.0.2:8080 unhealthy"},
    {"AllUnready", {endpoint("10.1.0.1", "unready")}, "10.1.0.1:8080 unhealthy"},
    {"TerminatingDrainsBesideAReadyOne",
     {endpoint("10.1.0.1", "ready"), endpoint("10.1.0.2", "ending"), endpoint("10.1.0.3", "ended")},
     "10.1.0.1:8080 ready, 10.1.0.2:8080 drain, 10.1.0.3:8080 drain"},
    {"TerminatingAndServingIsUsedWhenNoneIsReady",
     {endpoint("10.1.0.1", "unready"), endpoint("10.1.0.2", "ending"), endpoint("10.1.0.3", "ended")},
     "10.1.0.1:8080 unhealthy, 10.1.0.2:8080 ready, 10.1.0.3:8080 drain"},
    {"LocalTakesThisNodeAlone",
     {endpoint("10.1.0.1", "ready", "n1"), endpoint("10.1.0.2", "ready", "n2"), endpoint("10.1.0.3", "ready")},
     "10.1.0.1:8080 ready",
     Traffic::local},
    {"LocalWithoutAnyHere", {endpoint("10.1.0.2", "ready", "n2")}, "", Traffic::local},
    {"LocalFallsBackToItsOwnTerminating",
     {endpoint("10.1.0.1", "ending", "n1"), endpoint("10.1.0.2", "ready", "n2")},
     "10.1.0.1:8080 ready",
     Traffic::local},
    {"LocalIgnoresHints",
     {hinted(endpoint("10.1.0.1", "ready", "n1"), {"zb"}), hinted(endpoint("10.1.0.2", "ready", "n2"), {"za"})},
     "10.1.0.1:8080 ready",
     Traffic::local},
    {"ZoneHints",
     {hinted(endpoint("10.1.0.1", "ready"), {"za"}), hinted(endpoint("10.1.0.2", "ready"), {"zb"}),
      hinted(endpoint("10.1.0.3", "ready"), {"zb", "za"})},
     "10.1.0.1:8080 ready, 10.1.0.3:8080 ready"},
    {"ZoneHintsAreIgnoredWhenAReadyOneHasNone",
     {hinted(endpoint("10.1.0.1", "ready"), {"za"}), endpoint("10.1.0.2", "ready")},
     "10.1.0.1:8080 ready, 10.1.0.2:8080 ready"},
    {"AnUnreadyOneNeedsNoHint",
     {hinted(endpoint("10.1.0.1", "ready"), {"za"}), hinted(endpoint("10.1.0.2", "ready"), {"zb"}),
      endpoint("10.1.0.3", "unready")},
     "10.1.0.1:8080 ready, 10.1.0.3:8080 unhealthy"},
    {"ZoneHintsAreIgnoredWhenNoneIsForThisZone",
     {hinted(endpoint("10.1.0.1", "ready"), {"zb"}), hinted(endpoint("10.1.0.2", "ready"), {"zc"})},
     "10.1.0.1:8080 ready, 10.1.0.2:8080 ready"},
    {"ZoneHintsAreIgnoredWhenTheZoneIsNotKnown",
     {hinted(endpoint("10.1.0.1", "ready"), {"za"}), hinted(endpoint("10.1.0.2", "ready"), {"zb"})},
     "10.1.0.1:8080 ready, 10.1.0.2:8080 ready",
     Traffic::cluster,
     Distribution::anywhere,
     here_without_zone},
    {"NodeHintsComeBeforeZoneHints",
     {hinted(endpoint("10.1.0.1", "ready"), {"za"}, {"n1"}), hinted(endpoint("10.1.0.2", "ready"), {"za"}, {"n2"})},
     "10.1.0.1:8080 ready"},
    {"ZoneHintsWhenNoNodeHintIsForThisNode",
     {hinted(endpoint("10.1.0.1", "ready"), {"zb"}, {"n3"}), hinted(endpoint("10.1.0.2", "ready"), {"za"}, {"n2"})},
     "10.1.0.2:8080 ready"},
    {"HintsDoNotHoldForTheTerminatingFallback",
     {hinted(endpoint("10.1.0.1", "ending"), {"zb"}), hinted(endpoint("10.1.0.2", "ending"), {"za"})},
     "10.1.0.1:8080 ready, 10.1.0.2:8080 ready"},
    {"PreferCloseWithoutHints",
     {endpoint("10.1.0.1", "ready", "n2", "za"), endpoint("10.1.0.2", "ready", "n3", "zb")},
     "10.1.0.1:8080 ready",
     Traffic::cluster,
     Distribution::same_zone},
    {"PreferCloseWithoutAnyInThisZone",
     {endpoint("10.1.0.2", "ready", "n3", "zb")},
     "10.1.0.2:8080 ready",
     Traffic::cluster,
     Distribution::same_zone},
    {"PreferSameNode",
     {endpoint("10.1.0.1", "ready", "n1", "za"), endpoint("10.1.0.2", "ready", "n2", "za")},
     "10.1.0.1:8080 ready",
     Traffic::cluster,
     Distribution::same_node},
    {"PreferSameNodeFallsBackToTheZone",
     {endpoint("10.1.0.1", "unready", "n1", "za"), endpoint("10.1.0.2", "ready", "n2", "za"),
      endpoint("10.1.0.3", "ready", "n3", "zb")},
     "10.1.0.1:8080 unhealthy, 10.1.0.2:8080 ready",
     Traffic::cluster,
     Distribution::same_node},
    {"HintsComeBeforeThePreference",
     {hinted(endpoint("10.1.0.1", "ready", "n2", "za"), {"zb"}), hinted(endpoint("10.1.0.2", "ready", "n3", "zb"), {"za"})},
     "10.1.0.2:8080 ready",
     Traffic::cluster,
     Distribution::same_zone},
    {"FamiliesAreDecidedOneByOne",
     {endpoint("10.1.0.1", "ready"), endpoint("10.1.0.2", "ending"), endpoint("fd00::2", "ending")},
     "10.1.0.1:8080 ready, 10.1.0.2:8080 drain, [fd00::2]:8080 ready"},
};

TEST_P(Conformance, ChoosesEndpoints) {
    const auto& row = rows[GetParam()];
    const auto all = slice(row.endpoints);
    const std::vector<const Slice*> slices{&all};
    EXPECT_EQ(text(backends(candidates(web().ports[0], slices), row.traffic, row.distribution, {}, row.here)), row.expected);
}

INSTANTIATE_TEST_SUITE_P(Endpoints, Conformance, testing::Range(std::size_t{0}, rows.size()),
                         [](const auto& row) { return std::string(rows[row.param].name); });

TEST(Candidates, ArePutTogetherFromSlicesEachOnce) {
    const auto first = slice({endpoint("10.1.0.2", "unready"), endpoint("10.1.0.1", "ready")});
    const auto second = slice({endpoint("10.1.0.2", "ready"), endpoint("10.1.0.3", "ready")}, "default/web-2");
    const std::vector<const Slice*> slices{&first, &second};
    EXPECT_EQ(text(backends(candidates(web().ports[0], slices), Traffic::cluster, Distribution::anywhere, {}, here_in_a)),
              "10.1.0.1:8080 ready, 10.1.0.2:8080 ready, 10.1.0.3:8080 ready");
}

TEST(Candidates, FollowNameAndProtocolOfThePortNotItsNumber) {
    auto first = slice({endpoint("10.1.0.1", "ready")});
    first.ports.push_back({Word("metrics"), 9090, base::Protocol::tcp});
    first.ports.push_back({Word("dns"), 53, base::Protocol::udp});
    auto second = slice({endpoint("10.1.0.2", "ready")}, "default/web-2");  // its pods have another number for the name
    second.ports = {{Word("http"), 3000, base::Protocol::tcp}};
    const std::vector<const Slice*> slices{&first, &second};
    const auto endpoints = [&](const char* name, base::Protocol protocol) {
        std::string result;
        for (const auto& one : candidates({Word(name), 1, 0, protocol}, slices)) result += one.address.text() + " ";
        return result;
    };
    EXPECT_EQ(endpoints("http", base::Protocol::tcp), "10.1.0.1:8080 10.1.0.2:3000 ");
    EXPECT_EQ(endpoints("metrics", base::Protocol::tcp), "10.1.0.1:9090 ");
    EXPECT_EQ(endpoints("dns", base::Protocol::udp), "10.1.0.1:53 ");
    EXPECT_EQ(endpoints("dns", base::Protocol::tcp), "") << "another protocol is another port";
    EXPECT_EQ(endpoints("grpc", base::Protocol::tcp), "") << "a name that no slice has leads nowhere";
}

TEST(Locality, IsOfTheNodesLabels) {
    const Nodes nodes{{"n1", {"n1", Word("eu"), Word("za"), {}}}, {"n2", {"n2", Word(), Word("zb"), {}}}};
    EXPECT_EQ(locality_of(endpoint("10.1.0.1", "ready", "n1"), nodes), "eu/za/n1");
    EXPECT_EQ(locality_of(endpoint("10.1.0.1", "ready", "n1", "zc"), nodes), "eu/zc/n1")
        << "the endpoint's own word about its zone";
    EXPECT_EQ(locality_of(endpoint("10.1.0.1", "ready", "n2"), nodes), "-/zb/n2");
    EXPECT_EQ(locality_of(endpoint("10.1.0.1", "ready", "n3"), nodes), "-/-/n3");
    EXPECT_EQ(locality_of(endpoint("10.1.0.1", "ready"), nodes), "");
}

}  // namespace
}  // namespace meshd::registry::kubernetes
