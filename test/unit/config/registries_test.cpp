// SPDX-License-Identifier: Apache-2.0
// What meshd.yaml says of registries, what it may not say, and the exact words of each refusal.
#include <gtest/gtest.h>

#include "config/registries_reader.hpp"
#include "config/settings_file.hpp"
#include "refusals.hpp"

namespace meshd::config {
namespace {

using namespace std::chrono_literals;

std::string registry(const std::string& inner) { return "registry:\n  " + inner + "\n"; }
std::string consul(const std::string& inner) { return registry("consul: {" + inner + "}"); }
std::string etcd(const std::string& inner) { return registry("etcd: {" + inner + "}"); }
std::string kubernetes(const std::string& inner) { return registry("kubernetes: {" + inner + "}"); }

model::Registries parsed(const std::string& text) {
    const auto settings = parse_settings(text, "meshd.yaml");
    EXPECT_TRUE(settings.has_value()) << settings.error().message();
    return settings.value_or(Settings{}).registries;
}

TEST(Registries, AreReadFromEveryKey) {
    const auto found = parsed(R"(
registry:
  consul:
    - name: dc1
      url: https://consul.example:8501/
      token_file: /etc/meshd/token
      ca: /etc/meshd/ca.pem
      certificate: /etc/meshd/own.pem
      key: /etc/meshd/own.key
      server_name: server.dc1.consul
      datacenter: dc2
      namespace: team-a
      reads: stale
      discover: false
      keys: meshd/
    - {name: dc3, url: "http://[::1]:8500", reads: consistent}
  etcd:
    - {name: keys, endpoints: ["https://a:2379", "https://10.0.0.1:2379"], ca: /ca, certificate: /c, key: /k, server_name: etcd,
       user: root, password_file: /etc/meshd/password, prefix: /services/}
  kubernetes:
    - {name: east, kubeconfig: /root/.kube/config, context: admin@east, node: node-1.example}
  dns: {servers: ["127.0.0.1:53", "[::1]:5353"], least_ttl: 500ms, most_ttl: 90s}
  order: [keys, files, dc1]
  hold: {share: 25%, time: 1500ms}
  resync: 1h
)");
    const model::ServerAccess access{"/etc/meshd/token", "/etc/meshd/ca.pem", "/etc/meshd/own.pem", "/etc/meshd/own.key",
                                     "server.dc1.consul"};
    model::Registries expected;
    expected.consul = {
        {"dc1", "https://consul.example:8501", access, "dc2", "team-a", model::ConsulReads::stale, false, "meshd/"},
        {"dc3", "http://[::1]:8500", {}, "", "", model::ConsulReads::consistent, true, ""}};
    expected.etcd = {{"keys",
                      {"https://a:2379", "https://10.0.0.1:2379"},
                      {"", "/ca", "/c", "/k", "etcd"},
                      "root",
                      "/etc/meshd/password",
                      "/services/"}};
    expected.kubernetes = {{"east", "/root/.kube/config", "admin@east", "node-1.example"}};
    expected.dns = {{*base::SocketAddress::parse("127.0.0.1:53"), *base::SocketAddress::parse("[::1]:5353")}, 500ms, 90s};
    expected.order = {"keys", "files", "dc1"};
    expected.hold = {25, 1500ms};
    expected.resync = 1h;
    EXPECT_EQ(found, expected);
}

TEST(Registries, MayBeOneMappingWithItsDefaults) {
    const auto found =
        parsed(registry("consul: {url: http://127.0.0.1:8500}\n  etcd: {endpoints: [http://127.0.0.1:2379]}\n  kubernetes: {}"));
    ASSERT_EQ(found.consul.size(), 1U);
    EXPECT_EQ(found.consul[0].name, "consul");
    EXPECT_TRUE(found.consul[0].discover);
    ASSERT_EQ(found.etcd.size(), 1U);
    EXPECT_EQ(found.etcd[0].prefix, "/meshd/");
    ASSERT_EQ(found.kubernetes.size(), 1U);
    EXPECT_EQ(found.kubernetes[0], model::KubernetesRegistry{});
}

TEST(Registries, MayBeNone) {
    EXPECT_EQ(parsed(registry("{consul: [], etcd: [], kubernetes: [], order: []}")), model::Registries{});
}

TEST(Registries, MayAskConsulForDefaultReads) {
    EXPECT_EQ(parsed(consul("url: http://c, reads: default")).consul.at(0).reads, model::ConsulReads::standard);
}

TEST(Registries, AreAtMostSixteenOfAKind) {
    std::string list = "consul: [";
    for (std::size_t i = 0; i <= max_registries; ++i) list += "{name: c" + std::to_string(i) + ", url: http://c}, ";
    const auto refused = parse_settings(registry(list + "]"), "meshd.yaml");
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().message(), "cannot accept meshd.yaml:2:11: \"consul\" must have at most 16 registries, found 17");
}

TEST(Registries, AreFoundAtNoOtherAddresses) {
    for (const auto* const bad : {"consul:8500", "ftp://c", "http://", "http://:8500", "http://c:0", "http://c:8500/v1",
                                  "http://u@c", "http://c?x", "http://c//", "http://[10.0.0.1]:80"})
        EXPECT_FALSE(parse_settings(consul(std::string("url: \"") + bad + "\""), "f")) << bad;
}

TEST(Registries, NameTheOneThatIsWrittenTo) {
    const auto store = [](const std::string& text) {
        const auto settings = parse_settings(registry(text), "f");
        return settings ? settings->registry_store : settings.error().message();
    };
    EXPECT_EQ(store("etcd: {endpoints: [http://e]}"), "");
    EXPECT_EQ(store("etcd: {endpoints: [http://e]}\n  store: etcd"), "etcd");
    EXPECT_EQ(store("store: kubernetes\n  kubernetes: {}"), "kubernetes");
    EXPECT_EQ(store("consul: {name: dc1, url: http://c, keys: meshd/}\n  store: dc1"), "dc1");
}

constexpr const char* url_expected = "must be an address such as http://127.0.0.1:8500, without a path, found ";

const Refusal table[] = {
    {"UnknownRegistry", registry("consol: {}"),
     "2:3: unknown key \"consol\" in \"registry\", expected files, consul, etcd, kubernetes, dns, order, hold, resync or store; "
     "did you "
     "mean "
     "\"consul\"?"},
    {"ConsulIsNothing", registry("consul:"),
     "2:3: \"consul\" must be a mapping or a list of mappings, found nothing; remove the key or put something into it"},
    {"ConsulIsAnAddress", registry("consul: http://c"),
     "2:11: \"consul\" must be a mapping or a list of mappings, found \"http://c\""},
    {"ConsulsAreAddresses", registry("consul: [http://c]"), "2:12: a Consul registry must be a mapping, found \"http://c\""},
    {"UnknownKeyOfConsul", consul("address: c"),
     "2:12: unknown key \"address\" in a Consul registry, expected name, url, token_file, ca, certificate, key, server_name, "
     "datacenter, namespace, reads, discover or keys"},
    {"NoUrl", consul("name: dc1"), "2:11: a Consul registry needs the key \"url\""},
    {"UrlWithoutScheme", consul("url: \"c:8500\""),
     std::string("2:17: \"url\" ") + url_expected + "\"c:8500\"; write http:// or https:// before it"},
    {"UrlWithAPath", consul("url: http://c/v1"), std::string("2:17: \"url\" ") + url_expected + "\"http://c/v1\""},
    {"TwoOfTheSameName", registry("consul: [{url: http://a}, {url: http://b}]"),
     "2:29: registry \"consul\" is given twice, first in line 2; give each a \"name\" of its own"},
    {"TheNameOfAnotherKind", registry("consul: {name: kubernetes, url: http://a}\n  kubernetes: {}"),
     "3:15: registry \"kubernetes\" is given twice, first in line 2; give each a \"name\" of its own"},
    {"NameOfTheFiles", consul("name: files, url: http://c"),
     "2:18: \"files\" is the name of a registry that is always there; give this one another name"},
    {"NameOfDns", kubernetes("name: dns"),
     "2:22: \"dns\" is the name of a registry that is always there; give this one another name"},
    {"NameWithASlash", consul("name: a/b, url: http://c"),
     "2:18: \"name\" must be at most 63 letters, digits, \".\", \"-\" and \"_\", with a letter or a digit at both ends, found "
     "\"a/b\""},
    {"RelativeToken", consul("url: http://c, token_file: token"),
     "2:39: \"token_file\" must be an absolute path, found \"token\""},
    {"CaOverHttp", consul("url: http://c, ca: /ca.pem"),
     "2:31: \"ca\" is for https, and the server is asked over http; write https:// or remove the key"},
    {"CertificateAlone", consul("url: https://c, certificate: /c.pem"), "2:41: \"certificate\" needs the key \"key\" beside it"},
    {"KeyAlone", etcd("endpoints: [https://e], key: /c.key"), "2:39: \"key\" needs the key \"certificate\" beside it"},
    {"ServerNameWithAPort", consul("url: https://c, server_name: \"c:8501\""),
     "2:41: \"server_name\" must be the name of a host, found \"c:8501\""},
    {"DatacenterWithASpace", consul("url: http://c, datacenter: a b"),
     "2:39: \"datacenter\" must be 1 to 63 letters, digits, \"-\" and \"_\", found \"a b\""},
    {"OtherReads", consul("url: http://c, reads: fresh"),
     "2:34: \"reads\" must be default, stale or consistent, found \"fresh\""},
    {"DiscoverIsAWord", consul("url: http://c, discover: all"), "2:37: \"discover\" must be true or false, found \"all\""},
    {"KeysBeginWithASlash", consul("url: http://c, keys: /meshd/"),
     "2:33: \"keys\" must not begin with a slash, found \"/meshd/\"; Consul's keys begin without one"},
    {"NoEndpoints", etcd("prefix: /x/"), "2:9: an etcd registry needs the key \"endpoints\""},
    {"EndpointsAreText", etcd("endpoints: http://e"), "2:21: \"endpoints\" must be a list of addresses, found \"http://e\""},
    {"EndpointsAreEmpty", etcd("endpoints: []"), "2:21: \"endpoints\" must have 1 to 16 addresses, found 0"},
    {"EndpointWithoutScheme", etcd("endpoints: [\"e:2379\"]"),
     std::string("2:22: an endpoint ") + url_expected + "\"e:2379\"; write http:// or https:// before it"},
    {"UserWithoutPassword", etcd("endpoints: [http://e], user: root"),
     "2:39: \"user\" needs the key \"password_file\" beside it"},
    {"PasswordWithoutUser", etcd("endpoints: [http://e], password_file: /p"),
     "2:48: \"password_file\" needs the key \"user\" beside it"},
    {"PrefixIsEmpty", etcd("endpoints: [http://e], prefix: \"\""),
     "2:41: \"prefix\" must be text of 1 to 1024 bytes, found \"\""},
    {"EtcdHasNoToken", etcd("endpoints: [http://e], token_file: /t"),
     "2:33: unknown key \"token_file\" in an etcd registry, expected name, endpoints, ca, certificate, key, server_name, user, "
     "password_file or prefix"},
    {"KubernetesIsNothing", registry("kubernetes:"),
     "2:3: \"kubernetes\" must be a mapping or a list of mappings, found nothing; write {} for the cluster that meshd is a pod "
     "of"},
    {"ContextOfNothing", kubernetes("context: east"), "2:25: \"context\" needs the key \"kubeconfig\" beside it"},
    {"NodeIsAPath", kubernetes("node: a/b"), "2:22: \"node\" must be the name of a node, found \"a/b\""},
    {"ServerWithoutPort", registry("dns: {servers: [127.0.0.1]}"),
     "2:19: a server must be an address and a port such as 127.0.0.1:53 or \"[::1]:53\", found \"127.0.0.1\""},
    {"ServerWithPortZero", registry("dns: {servers: [\"127.0.0.1:0\"]}"),
     "2:19: a server must be an address and a port such as 127.0.0.1:53 or \"[::1]:53\", found \"127.0.0.1:0\""},
    {"TtlIsTooShort", registry("dns: {least_ttl: 1ms}"),
     "2:20: \"least_ttl\" must be a time from 100ms to 24h (units: ms, s, m, h), found \"1ms\""},
    {"TtlsTheWrongWayRound", registry("dns: {least_ttl: 10s, most_ttl: 5s}"),
     "2:20: \"least_ttl\" must not be longer than \"most_ttl\""},
    {"MostTtlBelowTheDefaultLeast", registry("dns: {most_ttl: 500ms}"),
     "2:19: \"least_ttl\" must not be longer than \"most_ttl\""},
    {"OrderOfUnknownNames", registry("consul: {name: dc1, url: http://c}\n  order: [file, dc1]"),
     "3:11: a registry must be files or dc1, found \"file\"; did you mean \"files\"?"},
    {"OrderNamesDns", registry("order: [dns]"), "2:11: a registry must be files, found \"dns\""},
    {"OrderNamesOneTwice", registry("order: [files, files]"), "2:18: registry \"files\" is given twice"},
    {"HoldNothing", registry("hold: {share: 0%}"), "2:17: \"share\" must be a share from 1% to 100%, found \"0%\""},
    {"HoldForAnInstant", registry("hold: {time: 1ms}"),
     "2:16: \"time\" must be a time from 100ms to 10m (units: ms, s, m, h), found \"1ms\""},
    {"StoreThatIsNone", registry("etcd: {name: keys, endpoints: [http://e]}\n  store: files"),
     "3:10: \"store\" must be keys, found \"files\""},
    {"StoreWithoutKeys", registry("consul: {url: http://c}\n  store: consul"),
     "3:10: \"store\" must be a registry of etcd, of Kubernetes, or of Consul with \"keys\", found \"consul\""},
    {"ResyncIsANumber", registry("resync: 300"),
     "2:11: \"resync\" must be a time from 1s to 24h (units: ms, s, m, h), found 300"},
};

INSTANTIATE_TEST_SUITE_P(Registries, SettingsRefusal, testing::ValuesIn(table), name_of);

}  // namespace
}  // namespace meshd::config
