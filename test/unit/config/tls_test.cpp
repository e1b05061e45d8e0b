// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "config/registry_file.hpp"
#include "config/settings_file.hpp"
#include "refusals.hpp"

namespace meshd::config {
namespace {

using model::ClearText;
using model::SameNode;
using model::TlsMode;

model::ServiceTls read(const std::string& extra) {
    const auto services = parse_services(service({.extra = extra}), "web.yaml");
    EXPECT_TRUE(services) << services.error().message();
    return services ? services->front().tls : model::ServiceTls{};
}

TEST(ServiceTls, IsOffUnlessItIsAskedFor) {
    EXPECT_EQ(read(""), model::ServiceTls{});
    EXPECT_EQ(read("    tls: {mode: off}\n"), model::ServiceTls{});
}

TEST(ServiceTls, IsStrictAndPlainOnOneNodeUnlessItSaysOtherwise) {
    EXPECT_EQ(read("    tls: {mode: mutual}\n"), (model::ServiceTls{TlsMode::mutual, ClearText::strict, SameNode::plain}));
    EXPECT_EQ(read("    tls: {mode: mutual, accept: permissive, same_node: encrypt}\n"),
              (model::ServiceTls{TlsMode::mutual, ClearText::permissive, SameNode::encrypt}));
}

TEST(ServiceTls, OfOtherServicesMayLeaveTheModeToThem) {
    const auto file = parse_registry_file("service_settings:\n  - service: web\n    tls: {accept: permissive}\n", "web.yaml");
    ASSERT_TRUE(file) << file.error().message();
    EXPECT_EQ(file->settings.front().tls, (model::TlsSettings{std::nullopt, ClearText::permissive, std::nullopt}));
}

TEST(ServiceTls, SaysHowOutsideBackendsAreSpokenTo) {
    EXPECT_EQ(read("    tls: {mode: originate}\n"), (model::ServiceTls{TlsMode::originate, {}, {}, {}}));
    const auto tls = read(
        "    tls: {mode: originate, server_name: api.example.com, credentials: bank, alpn: [h2, http/1.1], min_version: "
        "\"1.3\"}\n");
    EXPECT_EQ(tls.origination, (model::Origination{"api.example.com", "bank", {"h2", "http/1.1"}, model::TlsVersion::tls_1_3}));
}

TEST(ServiceTls, OfOutsideBackendsLeavesProbesThatSayNothingInClear) {
    for (const auto* const probe : {"type: tcp", "type: https", "type: grpc, tls: true", "type: http, port: 8080"}) {
        const auto services = parse_services(
            service({.extra = std::string("    health: {probe: {") + probe + "}}\n    tls: {mode: originate}\n"}), "web.yaml");
        EXPECT_TRUE(services) << services.error().message();
    }
}

TEST(NodeOrigination, NamesWhatConnectionsGoBy) {
    const auto settings = parse_settings(
        "origination:\n  outbound_port: 1501\n  credentials:\n    - {name: bank, authorities: /t/ca.pem, certificate: /t/c.pem, "
        "key: /t/c.key}\n    - {name: plain}\n",
        "meshd.yaml");
    ASSERT_TRUE(settings) << settings.error().message();
    EXPECT_EQ(settings->origination.outbound_port, 1501);
    EXPECT_EQ(settings->origination.credentials,
              (std::vector<model::OutsideCredentials>{{"bank", "/t/ca.pem", {"/t/c.pem", "/t/c.key"}}, {"plain", "", {}}}));
}

TEST(ServiceTls, KnowsTheHostOfABackend) {
    const auto services =
        parse_services(service({.backends = "    backends: [{address: 10.244.1.7, port: 80, host: 10.0.0.3}]\n"}), "web.yaml");
    ASSERT_TRUE(services) << services.error().message();
    EXPECT_EQ(services->front().ports[0].backends[0].host, base::IpAddress::parse("10.0.0.3"));
}

const Refusal of_services[] = {
    {"AWord", service({.extra = "    tls: mutual\n"}), "5:10: \"tls\" must be a mapping, found \"mutual\""},
    {"UnknownMode", service({.extra = "    tls: {mode: mutal}\n"}),
     "5:17: \"mode\" must be off, mutual or originate, found \"mutal\"; did you mean \"mutual\"?"},
    {"AcceptWithoutMutual", service({.extra = "    tls: {accept: strict}\n"}),
     "5:19: \"accept\" means nothing without \"mode: mutual\"; write \"mode: mutual\", or remove \"accept\""},
    {"SameNodeWithoutMutual", service({.extra = "    tls: {mode: off, same_node: plain}\n"}),
     "5:33: \"same_node\" means nothing without \"mode: mutual\"; write \"mode: mutual\", or remove \"same_node\""},
    {"ServerNameWithoutOriginate", service({.extra = "    tls: {mode: mutual, server_name: a.example}\n"}),
     "5:38: \"server_name\" means nothing without \"mode: originate\"; write \"mode: originate\", or remove \"server_name\""},
    {"AcceptWithOriginate", service({.extra = "    tls: {mode: originate, accept: strict}\n"}),
     "5:36: \"accept\" means nothing without \"mode: mutual\"; write \"mode: mutual\", or remove \"accept\""},
    {"ServerNameIsAnAddress", service({.extra = "    tls: {mode: originate, server_name: 192.0.2.1}\n"}),
     "5:41: \"server_name\" must be a DNS name in lower case such as api.example.com; without the key certificates must be for "
     "the backend's address, found \"192.0.2.1\""},
    {"ServerNameIsAPattern", service({.extra = "    tls: {mode: originate, server_name: \"*.example\"}\n"}),
     "5:41: \"server_name\" must be a DNS name in lower case such as api.example.com; without the key certificates must be for "
     "the backend's address, found \"*.example\""},
    {"CredentialsAreAFile", service({.extra = "    tls: {mode: originate, credentials: /etc/ca.pem}\n"}),
     "5:41: \"credentials\" must be the name of one of origination.credentials of meshd.yaml, found \"/etc/ca.pem\""},
    {"EmptyProtocol", service({.extra = "    tls: {mode: originate, alpn: [\"\"]}\n"}),
     "5:35: a protocol must be a name of 1 to 255 bytes such as h2 or http/1.1, found \"\""},
    {"OldVersion", service({.extra = "    tls: {mode: originate, min_version: \"1.1\"}\n"}),
     "5:41: \"min_version\" must be 1.2 or 1.3, found \"1.1\"; did you mean \"1.2\"?"},
    {"OriginateUdp", service({.extra = "    protocol: udp\n    tls: {mode: originate}\n"}),
     "6:10: service \"web\" has \"mode: originate\", and its port 80/udp cannot be encrypted; make a service of its own of that "
     "port"},
    {"OriginateProbedInClear", service({.extra = "    health: {probe: {type: http}}\n    tls: {mode: originate}\n"}),
     "6:10: service \"web\" has \"mode: originate\", and its backends would be probed in clear text; let the probe be \"type: "
     "https\" "
     "or \"type: tcp\", or give it the \"port\" of a server that speaks clear text"},
    {"OfUdp", service({.extra = "    protocol: udp\n    tls: {mode: mutual}\n"}),
     "6:10: service \"web\" has \"mode: mutual\", and its port 80/udp cannot be encrypted; make a service of its own of that "
     "port"},
    {"HostIsAName", service({.backends = "    backends: [{address: 10.0.0.7, port: 80, host: n1}]\n"}),
     "5:52: \"host\" must be an IPv4 or IPv6 address, found \"n1\""},
};
INSTANTIATE_TEST_SUITE_P(Tls, RegistryRefusal, testing::ValuesIn(of_services), name_of);

const std::string node =
    "tls:\n  trust_domain: example.org\n  authorities: /t/ca.pem\n  certificate: /t/node.pem\n  key: /t/node.key\n";

TEST(NodeTls, IsNotThereUnlessItIsWritten) {
    const auto settings = parse_settings("log: {level: info}\n", "meshd.yaml");
    ASSERT_TRUE(settings);
    EXPECT_FALSE(settings->tls);
}

TEST(NodeTls, HasUsualPorts) {
    const auto settings = parse_settings(node, "meshd.yaml");
    ASSERT_TRUE(settings) << settings.error().message();
    model::NodeTls expected;
    expected.trust_domain = "example.org";
    expected.authorities = "/t/ca.pem";
    expected.node = {"/t/node.pem", "/t/node.key"};
    EXPECT_EQ(settings->tls, expected);
    EXPECT_EQ(settings->tls->inbound_port, 15008);
    EXPECT_EQ(settings->tls->outbound_port, 15001);
}

TEST(NodeTls, NamesWorkloads) {
    const auto settings =
        parse_settings(node +
                           "  revoked: /t/crl.pem\n  threads: 3\n  kernel: auto\n  inbound_port: 1508\n  outbound_port: 1501\n"
                           "  identities:\n"
                           "    - {name: shop/web, workload: /shop.slice, certificate: /t/w.pem, key: /t/w.key}\n"
                           "    - {name: db, unit: db.service, certificate: /t/d.pem, key: /t/d.key}\n"
                           "    - {name: cron, user: cron, certificate: /t/c.pem, key: /t/c.key}\n",
                       "meshd.yaml");
    ASSERT_TRUE(settings) << settings.error().message();
    const auto& tls = *settings->tls;
    EXPECT_EQ(tls.revoked, "/t/crl.pem");
    EXPECT_EQ(tls.threads, 3U);
    EXPECT_EQ(tls.kernel, model::KernelTls::automatic);
    EXPECT_EQ(tls.inbound_port, 1508);
    EXPECT_EQ(tls.outbound_port, 1501);
    ASSERT_EQ(tls.identities.size(), 3U);
    EXPECT_EQ(tls.identities[0], (model::WorkloadIdentity{"shop/web", "/shop.slice", "", "", {"/t/w.pem", "/t/w.key"}}));
    EXPECT_EQ(tls.identities[1].unit, "db.service");
    EXPECT_EQ(tls.identities[2].user, "cron");
}

TEST(NodeTls, NamesPodsOfKubernetes) {
    const auto settings = parse_settings(
        "registry: {kubernetes: {cgroup_root: /kubelet.slice}}\n"
        "tls:\n  trust_domain: example.org\n  authorities: /t/ca.pem\n  issuer: {address: ca.example.org}\n  identities:\n"
        "    - {name: front, pod: {namespace: shop, service_account: web-*, labels: {tier: front}}}\n"
        "    - {name: \"ns/{namespace}/sa/{service_account}\", pod: {}}\n",
        "meshd.yaml");
    ASSERT_TRUE(settings) << settings.error().message();
    const auto& all = settings->tls->identities;
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].pod, (model::PodSelector{"shop", "web-*", {{"tier", "front"}}}));
    EXPECT_EQ(all[1].name, "ns/{namespace}/sa/{service_account}");
    EXPECT_EQ(all[1].pod, model::PodSelector{});
    EXPECT_EQ(settings->registries.kubernetes[0].cgroup_root, "/kubelet.slice");
}

const std::string issued = "tls:\n  trust_domain: example.org\n  authorities: /t/ca.pem\n  issuer: {address: ca.example.org}\n";

TEST(NodeTls, NeedsNoFilesWhereOthersIssue) {
    const auto settings = parse_settings(issued + "  identities:\n    - {name: shop/web, user: web}\n", "meshd.yaml");
    ASSERT_TRUE(settings) << settings.error().message();
    const auto& tls = *settings->tls;
    EXPECT_EQ(tls.issuer->address, "ca.example.org:15009");
    EXPECT_EQ(tls.issuer->refresh, std::chrono::minutes(1));
    EXPECT_TRUE(tls.node.is_issued);
    EXPECT_TRUE(tls.identities[0].files.is_issued);
    const auto six =
        parse_settings("tls: {trust_domain: a, authorities: /a, issuer: {address: \"[fd00::1]\", token_file: /t}}", "m");
    EXPECT_EQ(six->tls->issuer->address, "[fd00::1]:15009");
}

TEST(NodeTls, SignsForOthers) {
    const auto settings =
        parse_settings(node +
                           "  signing:\n    authority: /ca/\n    listen: 10.0.0.1:1509\n    ttl: 2h\n"
                           "    allow: [{node: spiffe://example.org/node/*, may_have: [spiffe://example.org/shop/**]}]\n",
                       "meshd.yaml");
    ASSERT_TRUE(settings) << settings.error().message();
    const model::Signing expected{"/ca",
                                  *base::SocketAddress::parse("10.0.0.1:1509"),
                                  std::chrono::hours(2),
                                  {{"spiffe://example.org/node/*", {"spiffe://example.org/shop/**"}}}};
    EXPECT_EQ(settings->tls->signing, expected);
    EXPECT_EQ(parse_settings(node + "  signing: {authority: /ca}\n", "m")->tls->signing->listen.text(), "[::]:15009");
}

const std::string with_cluster = "registry:\n  kubernetes: {}\n";

std::string identity(const std::string& text) { return node + "  identities:\n    - {" + text + "}\n"; }

const Refusal of_node[] = {
    {"NoTrustDomain", "tls:\n  authorities: /t/ca.pem\n",
     "2:3: \"tls\" needs the key \"trust_domain\"; write the name that all identities of the mesh begin with, such as "
     "example.org"},
    {"AUrl", "tls:\n  trust_domain: spiffe://example.org\n",
     "2:17: \"trust_domain\" must be lower case letters, digits, \".\", \"-\" and \"_\", such as example.org, found "
     "\"spiffe://example.org\""},
    {"NoKey", "tls:\n  trust_domain: a\n  authorities: /t/ca.pem\n  certificate: /t/node.pem\n",
     "2:3: \"tls\" needs the key \"key\""},
    {"OnePort", node + "  inbound_port: 15001\n",
     "2:3: \"inbound_port\" and \"outbound_port\" are both 15001; give one of them another port"},
    {"NobodysIdentity", identity("name: a, certificate: /t/w.pem, key: /t/w.key"),
     "7:7: an identity needs one of workload, unit, user and pod, found 0; write a cgroup (workload: /shop.slice), a unit of "
     "systemd "
     "(unit: web.service), an account (user: web) or pods of Kubernetes (pod: {namespace: shop})"},
    {"ManysIdentity", identity("name: a, user: web, unit: web.service, certificate: /t/w.pem, key: /t/w.key"),
     "7:7: an identity needs one of workload, unit, user and pod, found 2; write a cgroup (workload: /shop.slice), a unit of "
     "systemd "
     "(unit: web.service), an account (user: web) or pods of Kubernetes (pod: {namespace: shop})"},
    {"UnitWithoutItsKind", identity("name: a, unit: web, certificate: /t/w.pem, key: /t/w.key"),
     "7:23: \"unit\" must be a unit of systemd with its kind, such as web.service, found \"web\""},
    {"EveryCgroup", identity("name: a, workload: /, certificate: /t/w.pem, key: /t/w.key"),
     "7:27: \"workload\" must be the path of a cgroup below the mount of cgroup v2, such as /shop.slice, found \"/\""},
    {"NothingOfPods", with_cluster + issued + "  identities: [{name: a, pod: }]\n",
     "7:26: \"pod\" must be a mapping, found nothing; write pod: {} for all pods"},
    {"PodsOfNoNamespace", with_cluster + issued + "  identities: [{name: a, pod: {namespace: a/b}}]\n",
     "7:43: \"namespace\" must be lower case letters, digits, \"-\" and \".\", with * for any text, found \"a/b\""},
    {"ANameThatNoPodHas", with_cluster + issued + "  identities: [{name: \"sa/{serviceaccount}\", pod: {}}]\n",
     "7:23: \"name\" must be letters, digits, \".\", \"-\", \"_\" and \"/\", with {namespace}, {service_account} and {pod} for "
     "what a pod "
     "has, found \"sa/{serviceaccount}\""},
    {"PodsWithoutACluster", issued + "  identities: [{name: a, pod: {}}]\n",
     "5:23: identity \"a\" is of pods, and no registry tells of any; add registry.kubernetes"},
    {"HalfOfThePair", issued + "  certificate: /t/node.pem\n", "2:3: \"tls\" needs the key \"key\""},
    {"ListsOfBoth", issued + "  revoked: /t/crl.pem\n",
     "5:12: \"revoked\" has no meaning beside \"issuer\"; remove it: revocation lists come from the signing agent"},
    {"NoIdentity", issued + "  identities: [{name: a//b, user: a}]\n",
     "5:23: \"name\" must be the path of an identity, without empty parts, . and .., where there are no files, found \"a//b\""},
    {"NoHost", "tls:\n  trust_domain: a\n  authorities: /t/ca.pem\n  issuer: {address: \"https://ca\"}\n",
     "4:21: \"address\" must be the host of the signing agent, or HOST:PORT, such as ca.example.org:15009, found "
     "\"https://ca\""},
    {"NoAuthority", node + "  signing: {ttl: 1h}\n",
     "6:12: \"signing\" needs the key \"authority\"; name the directory that `meshctl ca init` made"},
    {"TooShort", node + "  signing: {authority: /ca, ttl: 1s}\n",
     "6:34: \"ttl\" must be a time from 5s to 8760h (units: ms, s, m, h), found \"1s\""},
    {"AnotherTrustDomain", node + "  signing: {authority: /ca, allow: [{node: spiffe://a/*, may_have: []}]}\n",
     "6:44: \"node\" must be an identity of this trust domain, with * for one part or ** for all that follow, such as "
     "spiffe://example.org/shop/*, found \"spiffe://a/*\""},
    {"OneNameTwice",
     identity("name: a, user: a, certificate: /t/w.pem, key: /t/w.key") +
         "    - {name: a, user: b, certificate: /t/w.pem, key: /t/w.key}\n",
     "8:14: identity \"a\" is given twice, first in line 7"},
};
const Refusal of_origination[] = {
    {"CredentialsTwice", "origination:\n  credentials:\n    - {name: a}\n    - {name: a}\n",
     "4:14: credentials \"a\" are given twice, first in line 3"},
    {"NoKeyOfACertificate", "origination:\n  credentials:\n    - {name: a, certificate: /t/c.pem}\n",
     "3:7: credentials needs the key \"key\""},
    {"PortBesideTls", node + "origination: {outbound_port: 1501}\n",
     "6:30: \"outbound_port\" is said by the section \"tls\", which is there; write it there"},
};
INSTANTIATE_TEST_SUITE_P(Origination, SettingsRefusal, testing::ValuesIn(of_origination), name_of);
INSTANTIATE_TEST_SUITE_P(Tls, SettingsRefusal, testing::ValuesIn(of_node), name_of);

}  // namespace
}  // namespace meshd::config
