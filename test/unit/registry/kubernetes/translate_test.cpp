// SPDX-License-Identifier: Apache-2.0
#include "registry/kubernetes/translate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kubernetes_texts.hpp"

namespace meshd::registry::kubernetes {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const Here here{Word("n1"), Word("za"), {ip("192.0.2.11")}};
const std::vector<Endpoint> one_here_one_there{endpoint("10.1.0.1", "ready", "n1"), endpoint("10.1.0.2", "ready", "n2")};

base::Result<Translation> translated(const Service& service, const std::vector<Endpoint>& endpoints = one_here_one_there,
                                     const Here& at = here) {
    const auto all = slice(endpoints);
    const std::vector<const Slice*> slices{&all};
    return translate(service, slices, {}, at);
}

std::vector<std::string> names(const Translation& translation) {
    std::vector<std::string> result;
    for (const auto& service : translation.services) result.push_back(service.name);
    return result;
}

std::vector<std::string> addresses(const model::Service& service) {
    std::vector<std::string> result;
    for (const auto& address : service.addresses) result.push_back(address.text());
    return result;
}

std::vector<std::string> rules(const Translation& translation) {
    std::vector<std::string> result;
    for (const auto& rule : translation.rules)
        result.push_back(std::string(model::name(rule.action)) + " " + model::from_text(rule) + " to " + model::to_text(rule));
    return result;
}

TEST(Translate, ClusterIp) {
    auto service = web();
    service.cluster_ips.push_back(ip("fd00::10"));
    const auto result = translated(service);
    ASSERT_TRUE(result);
    ASSERT_THAT(names(*result), ElementsAre("default/web"));
    const auto& only = result->services[0];
    EXPECT_THAT(addresses(only), ElementsAre("10.96.0.10", "fd00::10"));
    ASSERT_EQ(only.ports.size(), 1U);
    EXPECT_EQ(only.ports[0].name, "http");
    EXPECT_EQ(only.ports[0].number, 80);
    EXPECT_EQ(text(only.ports[0].backends), "10.1.0.1:8080 ready, 10.1.0.2:8080 ready");
    EXPECT_EQ(only.when_no_backend, model::WhenNoBackend::refuse);
    EXPECT_EQ(only.health.panic_percent, 0) << "pods that are not ready take nothing even when all are";
}

TEST(Translate, HeadlessAndNamesElsewhereAreNotBalanced) {
    auto service = web();
    service.cluster_ips.clear();
    service.external_ips = {ip("203.0.113.1")};
    const auto result = translated(service);
    ASSERT_TRUE(result);
    EXPECT_THAT(result->services, IsEmpty());
}

TEST(Translate, NodePortAndAddressesFromOutsideBelongToTheServiceWhileTheirBackendsAreTheSame) {
    auto service = web();
    service.external_ips = {ip("203.0.113.1")};
    service.load_balancer_ips = {ip("203.0.113.2"), ip("203.0.113.1")};
    service.ports[0].node_port = 30080;
    const auto result = translated(service);
    ASSERT_THAT(names(*result), ElementsAre("default/web"));
    EXPECT_THAT(addresses(result->services[0]), ElementsAre("10.96.0.10", "203.0.113.1", "203.0.113.2"));
    EXPECT_EQ(result->services[0].ports[0].node_port, 30080);
}

TEST(Translate, ExternalTrafficPolicyLocalIsASecondService) {
    auto service = web();
    service.external = Traffic::local;
    service.load_balancer_ips = {ip("203.0.113.2")};
    service.ports[0].node_port = 30080;
    const auto result = translated(service);
    ASSERT_THAT(names(*result), ElementsAre("default/web", "default/web/external"));
    const auto& inside = result->services[0];
    const auto& outside = result->services[1];
    EXPECT_THAT(addresses(inside), ElementsAre("10.96.0.10"));
    EXPECT_EQ(inside.ports[0].node_port, 0);
    EXPECT_EQ(text(inside.ports[0].backends), "10.1.0.1:8080 ready, 10.1.0.2:8080 ready");
    EXPECT_THAT(addresses(outside), ElementsAre("203.0.113.2"));
    EXPECT_EQ(outside.ports[0].node_port, 30080);
    EXPECT_EQ(text(outside.ports[0].backends), "10.1.0.1:8080 ready");
}

TEST(Translate, ExternalTrafficPolicyLocalWithNodePortsAloneIsReachedByTheNodesAddresses) {
    auto service = web();
    service.external = Traffic::local;
    service.ports[0].node_port = 30080;
    const auto result = translated(service);
    ASSERT_THAT(names(*result), ElementsAre("default/web", "default/web/external"));
    EXPECT_THAT(addresses(result->services[1]), ElementsAre("192.0.2.11"));
    EXPECT_EQ(result->services[1].ports[0].number, 30080);
    EXPECT_EQ(result->services[1].ports[0].node_port, 30080);

    const auto unknown = translated(service, one_here_one_there, {Word("n1"), Word("za"), {}});
    EXPECT_THAT(names(*unknown), ElementsAre("default/web"));
    EXPECT_THAT(unknown->notes, ElementsAre(HasSubstr("node ports are left out")));
}

TEST(Translate, ExternalTrafficPolicyLocalWithoutAnythingExternalIsOneService) {
    auto service = web();
    service.external = Traffic::local;
    EXPECT_THAT(names(*translated(service)), ElementsAre("default/web"));
}

TEST(Translate, InternalTrafficPolicyLocal) {
    auto service = web();
    service.internal = Traffic::local;
    EXPECT_EQ(text(translated(service)->services[0].ports[0].backends), "10.1.0.1:8080 ready");

    service.load_balancer_ips = {ip("203.0.113.2")};
    const auto apart = translated(service);
    ASSERT_THAT(names(*apart), ElementsAre("default/web", "default/web/external"));
    EXPECT_EQ(text(apart->services[1].ports[0].backends), "10.1.0.1:8080 ready, 10.1.0.2:8080 ready");

    service.external = Traffic::local;
    EXPECT_THAT(names(*translated(service)), ElementsAre("default/web")) << "both faces have the same backends";
}

TEST(Translate, Affinity) {
    auto service = web();
    service.affinity_s = 600;
    const auto result = translated(service);
    EXPECT_EQ(result->services[0].affinity_s, 600U);
    EXPECT_EQ(result->services[0].balancing_options.affinity_s, 600U);
}

TEST(Translate, SourceRangesAreRulesForTheLoadBalancersAddresses) {
    auto service = web();
    service.external_ips = {ip("203.0.113.1")};
    service.load_balancer_ips = {ip("203.0.113.2"), ip("2001:db8::2")};
    service.source_ranges = {base::Prefix::parse("10.0.0.0/8").value(), base::Prefix::parse("192.168.0.0/16").value()};
    EXPECT_THAT(rules(*translated(service)),
                ElementsAre("allow 10.0.0.0/8 to 203.0.113.2 port 80/tcp", "allow 192.168.0.0/16 to 203.0.113.2 port 80/tcp",
                            "deny any to 203.0.113.2 port 80/tcp", "deny any to 2001:db8::2 port 80/tcp"));
    service.source_ranges.clear();
    EXPECT_THAT(rules(*translated(service)), IsEmpty());
}

TEST(Translate, HealthCheckPortCountsReadyEndpointsOfThisNode) {
    auto service = web();
    service.external = Traffic::local;
    service.load_balancer_ips = {ip("203.0.113.2")};
    service.health_check_port = 31000;
    const auto result = translated(service, {endpoint("10.1.0.1", "ready", "n1"), endpoint("10.1.0.2", "ready", "n2"),
                                             endpoint("10.1.0.3", "unready", "n1"), endpoint("10.1.0.4", "ready", "n1")});
    EXPECT_EQ(result->health_check, (HealthCheckPort{31000, "default/web", 2}));
}

TEST(Translate, LeavesOutOtherProtocolsWithANote) {
    auto service = web();
    service.ports.push_back({Word("sctp"), 132, 0, std::nullopt});
    const auto result = translated(service);
    EXPECT_EQ(result->services[0].ports.size(), 1U);
    EXPECT_THAT(result->notes, ElementsAre(HasSubstr("port 132 is neither TCP nor UDP")));

    service.ports.erase(service.ports.begin());
    EXPECT_THAT(translated(service)->services, IsEmpty());
}

struct Refused {
    const char* name;
    void (*spoil)(Service&);
    const char* why;
};

class TranslateRefuses : public testing::TestWithParam<Refused> {};

TEST_P(TranslateRefuses, ByName) {
    auto service = web();
    GetParam().spoil(service);
    const auto result = translated(service);
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().message(), HasSubstr("cannot accept service " + service.key));
    EXPECT_THAT(result.error().message(), HasSubstr(GetParam().why));
}

const std::vector<Refused> refused{
    {"LinkLocalAddress", [](Service& s) { s.external_ips = {ip("169.254.1.1")}; },
     "169.254.1.1 cannot be the address of a service"},
    {"MulticastAddress", [](Service& s) { s.external_ips = {ip("224.0.0.1")}; }, "224.0.0.1 cannot be the address of a service"},
    {"NoNamespace", [](Service& s) { s.key = "web"; }, "no name of the form NAMESPACE/NAME"},
    {"PortTwice",
     [](Service& s) {
         s.ports.push_back({Word("b"), 80, 0, base::Protocol::tcp});
     },
     "port 80/tcp twice"},
    {"TooManyPorts", [](Service& s) { s.ports.assign(257, s.ports[0]); }, "257 ports, more than 256"},
    {"NameTooLongForASecondService",
     [](Service& s) {
         s.key = std::string(63, 'a') + "/" + std::string(63, 'b');
         s.external = Traffic::local;
         s.external_ips = {ip("203.0.113.1")};
     },
     "is longer than 127 bytes"},
};

INSTANTIATE_TEST_SUITE_P(Services, TranslateRefuses, testing::ValuesIn(refused), [](const auto& row) { return row.param.name; });

TEST(Translate, RefusesMoreEndpointsThanATableHolds) {
    std::vector<Endpoint> many(4097, endpoint("10.1.0.1", "ready"));
    for (std::size_t i = 0; i < many.size(); ++i) {
        many[i].address.bytes[14] = static_cast<std::uint8_t>(i >> 8U);
        many[i].address.bytes[15] = static_cast<std::uint8_t>(i);
    }
    const auto result = translated(web(), many);
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().message(), HasSubstr("4097 endpoints, more than 4096"));
}

}  // namespace
}  // namespace meshd::registry::kubernetes
