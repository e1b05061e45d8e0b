// SPDX-License-Identifier: Apache-2.0
#include "store/choose.hpp"

#include <gmock/gmock.h>

#include "config/settings_file.hpp"
#include "fakes.hpp"

namespace meshd::store {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* three = R"(registry:
  etcd: {name: keys, endpoints: ["http://e"]}
  consul: [{name: dc1, url: "http://c", keys: meshd/}, {name: dc2, url: "http://c"}]
  kubernetes: {kubeconfig: /etc/meshd/kubeconfig}
)";

std::string chosen(const std::string& settings, const Operator& wanted = {}) {
    const auto store = choose_store(*config::parse_settings(settings, "f"), wanted, FakeServer().ask());
    return store ? (*store)->where({Kind::service, "web"}) : store.error().message();
}

Operator named(const std::string& name) {
    Operator wanted;
    wanted.store = name;
    return wanted;
}

TEST(Choose, TheOnlyOneThatCanBeWrittenTo) {
    EXPECT_EQ(chosen("registry: {etcd: {endpoints: [\"http://e\"]}, consul: {url: \"http://c\"}}"),
              "etcd:etcd/meshd/services/web");
    EXPECT_EQ(chosen("registry: {consul: {url: \"http://c\", keys: mesh/}}"), "consul:consul/mesh/services/web");
    EXPECT_EQ(chosen("registry: {kubernetes: {}}"), "kubernetes:kubernetes/service-web");
}

TEST(Choose, TheOneThatIsNamed) {
    EXPECT_EQ(chosen(three, named("keys")), "etcd:keys/meshd/services/web");
    EXPECT_EQ(chosen(three, named("dc1")), "consul:dc1/meshd/services/web");
    EXPECT_EQ(chosen(three, named("kubernetes")), "kubernetes:kubernetes/service-web");
    EXPECT_EQ(chosen(std::string(three) + "  store: dc1\n"), "consul:dc1/meshd/services/web");
    EXPECT_EQ(chosen(std::string(three) + "  store: dc1\n", named("keys")), "etcd:keys/meshd/services/web");
}

TEST(Choose, NoneThatIsNotClear) {
    EXPECT_THAT(chosen(three), HasSubstr("there are 3: keys (etcd), dc1 (Consul), kubernetes (Kubernetes); name one by --store"));
    EXPECT_THAT(chosen(three, named("dc2")), HasSubstr("\"dc2\" is none that can be written to; there are: keys (etcd)"));
    EXPECT_THAT(chosen("{}"), HasSubstr("meshd.yaml has no registry of etcd, of Kubernetes, or of Consul with \"keys\""));
}

TEST(Choose, RefusesOptionsThatAreForOtherServers) {
    auto wanted = named("keys");
    wanted.token_file = "/t";
    EXPECT_THAT(chosen(three, wanted),
                StartsWith("cannot use --token-file: registry keys is one of etcd, which has no such thing"));
    wanted = named("dc1");
    wanted.user = "me";
    EXPECT_THAT(chosen(three, wanted), StartsWith("cannot use --user: registry dc1 is one of Consul"));
    wanted = named("kubernetes");
    wanted.certificate = "/c";
    EXPECT_THAT(chosen(three, wanted), StartsWith("cannot use --certificate: registry kubernetes is one of Kubernetes"));
}

}  // namespace
}  // namespace meshd::store
