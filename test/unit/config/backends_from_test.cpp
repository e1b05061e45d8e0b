// SPDX-License-Identifier: Apache-2.0
// Services whose backends are asked for: what a file says of them, what it may not say, and the exact words of each refusal.
#include <gtest/gtest.h>

#include "config/registry_file.hpp"
#include "refusals.hpp"

namespace meshd::config {
namespace {

using From = model::BackendsFrom;

ServiceLines from(const std::string& inner) { return {.backends = "    backends_from: {" + inner + "}\n"}; }

model::Service parsed(const ServiceLines& lines) {
    auto services = parse_services(service(lines), "web.yaml");
    EXPECT_TRUE(services.has_value()) << services.error().message();
    return services ? services->at(0) : model::Service{};
}

TEST(BackendsFrom, AreInstancesOfAServiceInConsul) {
    EXPECT_EQ(parsed(from("consul: web")).backends_from, (From{From::Kind::consul, "", "web", {}, ""}));
    EXPECT_EQ(parsed(from("consul: web, registry: dc1, tags: [v2, primary], datacenter: eu")).backends_from,
              (From{From::Kind::consul, "dc1", "web", {"primary", "v2"}, "eu"}));
}

TEST(BackendsFrom, AreRecordsOfDns) {
    EXPECT_EQ(parsed(from("etcd: web, registry: eu")).backends_from, (From{From::Kind::etcd, "eu", "web", {}, ""}));
    EXPECT_EQ(parsed(from("dns: db.example.")).backends_from, (From{From::Kind::dns, "", "db.example", {}, ""}));
    EXPECT_EQ(parsed(from("srv: _http._tcp.example")).backends_from, (From{From::Kind::srv, "", "_http._tcp.example", {}, ""}));
}

TEST(BackendsFrom, HaveTheTargetPortsAndNoBackendsYet) {
    auto lines = from("dns: db.example");
    lines.extra = "    target_port: 8080\n";
    const auto one = parsed(lines);
    ASSERT_EQ(one.ports.size(), 1U);
    EXPECT_TRUE(one.ports[0].backends.empty());
    EXPECT_EQ(one.target_ports, std::vector<std::uint16_t>{8080});

    lines = from("dns: db.example");
    lines.port = "    ports: [{name: a, port: 80, target_port: 8080}, {name: b, port: 53, protocol: udp, node_port: 30053}]\n";
    const auto two = parsed(lines);
    ASSERT_EQ(two.ports.size(), 2U);
    EXPECT_EQ(two.ports[1].name, "b");
    EXPECT_EQ(two.ports[1].protocol, base::Protocol::udp);
    EXPECT_EQ(two.ports[1].node_port, 30053);
    EXPECT_EQ(two.target_ports, (std::vector<std::uint16_t>{8080, 53}));
}

TEST(BackendsFrom, LeaveTargetPortsEmptyWhenBackendsAreListed) {
    const auto listed = parsed({});
    EXPECT_FALSE(listed.backends_from);
    EXPECT_TRUE(listed.target_ports.empty());
}

TEST(BackendsFrom, MayGetTheirPacketsAsTheyAre) {
    auto lines = from("dns: db.example");
    lines.extra = "    forward: dsr\n";
    EXPECT_EQ(parsed(lines).forward, model::Forward::dsr);
}

const Refusal table[] = {
    {"BesideBackends", service({.extra = "    backends_from: {consul: web}\n"}),
     "5:20: a service has both \"backends\" and \"backends_from\", expected one of them"},
    {"Nothing", service({.backends = "    backends_from:\n"}), "5:5: \"backends_from\" must be a mapping, found nothing"},
    {"Text", service({.backends = "    backends_from: consul\n"}), "5:20: \"backends_from\" must be a mapping, found \"consul\""},
    {"Empty", service(from("")), "5:20: \"backends_from\" needs the key \"consul\", \"etcd\", \"dns\" or \"srv\""},
    {"OnlyARegistry", service(from("registry: dc1")),
     "5:20: \"backends_from\" needs the key \"consul\", \"etcd\", \"dns\" or \"srv\""},
    {"TwoKinds", service(from("dns: a, consul: b")),
     "5:26: \"backends_from\" has both \"consul\" and \"dns\", expected one of them"},
    {"UnknownKey", service(from("host: a")),
     "5:21: unknown key \"host\" in \"backends_from\", expected consul, etcd, dns, srv, registry, tags or datacenter"},
    {"ConsulNameWithASpace", service(from("consul: my web")),
     "5:29: \"consul\" must be the name of a service in Consul, found \"my web\""},
    {"RegistryIsANumber", service(from("consul: web, registry: 1")),
     "5:44: \"registry\" must be text, found 1, which YAML reads as a number; write it in quotes"},
    {"RegistryIsEmpty", service(from("consul: web, registry: \"\"")), "5:44: \"registry\" must be a name, found \"\""},
    {"TagsAreText", service(from("consul: web, tags: v2")), "5:40: \"tags\" must be a list of texts, found \"v2\""},
    {"TagIsEmpty", service(from("consul: web, tags: [\"\"]")), "5:41: a tag must be text of 1 to 255 bytes, found \"\""},
    {"TagTwice", service(from("consul: web, tags: [a, b, a]")), "5:47: tag \"a\" is given twice"},
    {"TagsOfEtcd", service(from("etcd: web, tags: [a]")), "5:38: \"tags\" of \"backends_from\" belongs to \"consul\"; remove it"},
    {"RegistryOfDns", service(from("dns: db, registry: eu")),
     "5:40: \"registry\" of \"backends_from\" belongs to \"consul\" or \"etcd\"; remove it"},
    {"EtcdNameWithASlash", service(from("etcd: shop/web")),
     "5:27: \"etcd\" must be the name of a service that is announced in etcd, without a slash, found \"shop/web\""},
    {"TagsOfDns", service(from("dns: db, tags: [a]")), "5:36: \"tags\" of \"backends_from\" belongs to \"consul\"; remove it"},
    {"HostIsAnAddress", service(from("dns: 10.0.0.1")),
     "5:26: \"dns\" must be the name of a host, found \"10.0.0.1\"; write an address into \"backends\""},
    {"HostWithAPort", service(from("dns: \"db:5432\"")), "5:26: \"dns\" must be the name of a host, found \"db:5432\""},
    {"HostWithAnEmptyLabel", service(from("dns: db..example")),
     "5:26: \"dns\" must be the name of a host, found \"db..example\""},
    {"SrvWithASlash", service(from("srv: a/b")), "5:26: \"srv\" must be the name of SRV records, found \"a/b\""},
    {"DsrWithATargetPort",
     service({.extra = "    target_port: 8080\n    forward: dsr\n", .backends = "    backends_from: {dns: db}\n"}),
     "2:11: service \"web\" has \"forward: dsr\", which leaves packets as they are, and the target port 8080 for its port 80; "
     "remove \"target_port\", or write \"forward: nat\""},
    {"DsrWithANodePort",
     service({.extra = "    node_port: 30080\n    forward: dsr\n", .backends = "    backends_from: {dns: db}\n"}),
     "2:11: service \"web\" has \"forward: dsr\" and a \"node_port\", but its backends do not have the nodes' addresses to "
     "answer "
     "from; write \"forward: nat\" or remove \"node_port\""},
};

INSTANTIATE_TEST_SUITE_P(BackendsFrom, RegistryRefusal, testing::ValuesIn(table), name_of);

}  // namespace
}  // namespace meshd::config
