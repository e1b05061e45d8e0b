// SPDX-License-Identifier: Apache-2.0
#include "registry/consul/answers.hpp"

#include <gmock/gmock.h>

#include "answer_texts.hpp"

namespace meshd::registry::consul {
namespace {

using model::BackendState;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

Instance only(const InstanceText& text) {
    const auto answer = parse_instances("[" + text.json() + "]");
    EXPECT_TRUE(answer) << answer.error().message();
    EXPECT_EQ(answer->instances.size(), 1u);
    return answer && !answer->instances.empty() ? answer->instances.front() : Instance{};
}

std::string why_left_out(const InstanceText& text) {
    const auto answer = parse_instances("[" + text.json() + "]");
    EXPECT_TRUE(answer);
    EXPECT_THAT(answer->instances, IsEmpty());
    return answer->left_out.empty() ? "" : answer->left_out.begin()->second;
}

TEST(ConsulInstances, AreAsConsulWritesThem) {
    const auto answer = parse_instances(web_of_consul);
    ASSERT_TRUE(answer);
    ASSERT_EQ(answer->instances.size(), 2u);
    const auto& first = answer->instances[0];
    EXPECT_EQ(first.id, "web-1 of node vm");
    EXPECT_EQ(first.backend.endpoint.text(), "10.0.0.1:8080");
    EXPECT_EQ(first.backend.weight, 1) << "a check warns";
    EXPECT_EQ(first.backend.locality, "dc1/b/vm");
    EXPECT_THAT(first.backend.labels, ElementsAre(Pair("tag/canary", "set"), Pair("version", "v2"), Pair("zone", "b")));
    EXPECT_EQ(first.virtual_address->text(), "10.96.0.10:80");
    const auto& second = answer->instances[1];
    EXPECT_EQ(second.backend.endpoint.text(), "127.0.0.1:8081") << "the node's address";
    EXPECT_EQ(second.backend.state, BackendState::maint);
    EXPECT_FALSE(second.virtual_address);
}

TEST(ConsulInstances, HaveTheHostOfTheirNode) {
    const auto host = [](const std::string& address) {
        return only({.node = R"("Node":"vm","Address":")" + address + '"'}).backend.host;
    };
    EXPECT_EQ(host("10.1.0.3"), base::IpAddress::parse("10.1.0.3"));
    EXPECT_EQ(host("10.0.0.1"), std::nullopt) << "its own address";
    EXPECT_EQ(host("127.0.0.1"), std::nullopt);
    EXPECT_EQ(host("::1"), std::nullopt);
    EXPECT_EQ(host("n1.example"), std::nullopt);
}

TEST(ConsulInstances, AreReadyWhatTheirChecksSay) {
    EXPECT_EQ(only({}).backend.state, BackendState::ready);
    EXPECT_EQ(only({.checks = check("a", "passing") + "," + check("b", "warning")}).backend.state, BackendState::ready);
    EXPECT_EQ(only({.checks = check("serfHealth", "critical")}).backend.state, BackendState::unhealthy);
    EXPECT_EQ(only({.checks = check("_node_maintenance", "critical")}).backend.state, BackendState::maint);
    EXPECT_EQ(only({.checks = check("_service_maintenance:w", "critical") + "," + check("b", "critical")}).backend.state,
              BackendState::maint);
}

TEST(ConsulInstances, DrainWhereMeshdOnTheirHostSaysSo) {
    const std::string drained =
        R"({"CheckID":"_service_maintenance:w","Status":"critical","Notes":")" + std::string(drained_notes) + "\"}";
    EXPECT_EQ(only({.checks = drained}).backend.state, BackendState::drain);
    EXPECT_EQ(only({.checks = check("b", "critical") + "," + drained}).backend.state, BackendState::drain);
    EXPECT_EQ(only({.checks = drained + "," + check("b", "critical")}).backend.state, BackendState::drain);
    EXPECT_EQ(only({.checks = drained + "," + check("_node_maintenance", "critical")}).backend.state, BackendState::maint);
    EXPECT_EQ(only({.checks = check("_node_maintenance", "critical") + "," + drained}).backend.state, BackendState::maint);
}

TEST(ConsulInstances, HaveTheWeightOfTheirState) {
    const std::string weights = R"("Weights":{"Passing":10,"Warning":3})";
    EXPECT_EQ(only({.more = weights}).backend.weight, 10);
    EXPECT_EQ(only({.more = weights, .checks = check("a", "warning")}).backend.weight, 3);
    EXPECT_EQ(only({}).backend.weight, 1);
    EXPECT_EQ(only({.more = R"("Weights":{"Passing":65535,"Warning":1})"}).backend.weight, model::max_weight);
    EXPECT_EQ(only({.more = R"("Weights":{"Passing":0,"Warning":0})"}).backend.weight, 0);
}

TEST(ConsulInstances, HaveTheLocalityOfTheirMetaElseOfTheirNode) {
    EXPECT_EQ(only({.node = R"("Node":"n1","Datacenter":"dc1")"}).backend.locality, "dc1/-/n1");
    EXPECT_EQ(only({.node = R"("Node":"n1","Datacenter":"dc1","Meta":{"zone":"a","region":"eu"})"}).backend.locality, "eu/a/n1");
    EXPECT_EQ(only({.node = R"("Node":"n1","Meta":{"zone":"a"})", .more = R"("Meta":{"zone":"b"})"}).backend.locality, "-/b/n1");
    EXPECT_EQ(only({.node = R"("Node":"n/1","Datacenter":"dc1")"}).backend.locality, "");
}

TEST(ConsulInstances, KeepTheLabelsThatABackendMayHave) {
    const std::string long_text(200, 'x');
    EXPECT_THAT(only({.more = R"("Meta":{"a":"1","b":")" + long_text + R"("},"Tags":["a=2","=x","y"])"}).backend.labels,
                ElementsAre(Pair("a", "1"), Pair("tag/y", "set")));
    EXPECT_THAT(only({.more = R"("Meta":null,"Tags":null)"}).backend.labels, IsEmpty());
}

TEST(ConsulInstances, WithoutAnAddressToConnectToAreLeftOut) {
    EXPECT_THAT(why_left_out({.address = "db.example"}), HasSubstr("\"db.example\" is no IP address"));
    EXPECT_THAT(why_left_out({.address = "0.0.0.0"}), HasSubstr("no unicast address"));
    EXPECT_THAT(why_left_out({.address = "fe80::1"}), HasSubstr("needs an interface"));
    EXPECT_THAT(why_left_out({.port = 70000}), HasSubstr("70000"));
}

TEST(ConsulInstances, MayHaveNoPort) { EXPECT_EQ(only({.port = 0}).backend.endpoint.port, 0); }

TEST(ConsulInstances, SayTheirProtocol) {
    EXPECT_EQ(only({.more = R"("Meta":{"meshd-protocol":"udp"})"}).protocol, base::Protocol::udp);
    EXPECT_EQ(only({.more = R"("Meta":{"meshd-protocol":"sctp"})"}).protocol, std::nullopt);
}

TEST(ConsulInstances, OfAnotherFormAreRefusedWhole) {
    for (const auto* const text :
         {"", "{}", "null", "[1]", "[{}]", R"([{"Node":{}}])", R"([{"Node":[],"Service":{}}])", "[{\"Node\":{"})
        EXPECT_FALSE(parse_instances(text)) << text;
    EXPECT_TRUE(parse_instances("[]"));
}

TEST(ConsulBackends, HaveAllTheTags) {
    const auto answer = *parse_instances("[" + InstanceText{.address = "10.0.0.1", .more = R"("Tags":["a","b"])"}.json() + "," +
                                         InstanceText{.address = "10.0.0.2", .more = R"("Tags":["a"])"}.json() + "]");
    EXPECT_EQ(backends_of(answer, {}).size(), 2u);
    EXPECT_EQ(backends_of(answer, {"a"}).size(), 2u);
    ASSERT_EQ(backends_of(answer, {"b", "a"}).size(), 1u);
    EXPECT_EQ(backends_of(answer, {"a", "b"})[0].endpoint.text(), "10.0.0.1:80");
    EXPECT_THAT(backends_of(answer, {"c"}), IsEmpty());
}

TEST(ConsulBackends, AreThereOnceInTheirBestState) {
    const InstanceText stale{.id = "old", .checks = check("c", "critical")}, fresh{.id = "new"};
    const auto one = backends_of(*parse_instances("[" + stale.json() + "," + fresh.json() + "]"), {});
    ASSERT_EQ(one.size(), 1u);
    EXPECT_EQ(one[0].state, BackendState::ready);
    EXPECT_EQ(one, backends_of(*parse_instances("[" + fresh.json() + "," + stale.json() + "]"), {}));
}

TEST(ConsulCatalog, HasTheTagsOfEachService) {
    const auto catalog = parse_catalog(R"({"consul":[],"web":["b","a"],"odd":null})");
    ASSERT_TRUE(catalog);
    EXPECT_THAT(*catalog, ElementsAre(Pair("consul", IsEmpty()), Pair("odd", IsEmpty()), Pair("web", ElementsAre("a", "b"))));
    EXPECT_FALSE(parse_catalog("[]"));
    EXPECT_FALSE(parse_catalog(R"({"web":)"));
}

TEST(ConsulKeys, AreDecodedAndFoldersLeftOut) {
    const auto keys = parse_keys(R"([{"Key":"meshd/folder/","Value":null},{"Key":"meshd/web","Value":"c2VydmljZXM6IFtd"},
                                    {"Key":"meshd/empty","Value":null}])");
    ASSERT_TRUE(keys);
    EXPECT_THAT(*keys, ElementsAre(Pair("meshd/empty", ""), Pair("meshd/web", "services: []")));
    EXPECT_FALSE(parse_keys(R"([{"Key":"a","Value":"?"}])"));
    EXPECT_FALSE(parse_keys(R"([{"Value":"YQ=="}])"));
}

TEST(ConsulCritical, NamesEachCheckAndItsService) {
    const auto critical = parse_critical("[" + check("serfHealth", "critical") + "," + check("c1", "critical", "web") + "]");
    ASSERT_TRUE(critical);
    EXPECT_THAT(*critical, ElementsAre(Pair("vm/c1", "web"), Pair("vm/serfHealth", "")));
}

}  // namespace
}  // namespace meshd::registry::consul
