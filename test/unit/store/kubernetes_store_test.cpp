// SPDX-License-Identifier: Apache-2.0
#include "store/kubernetes_store.hpp"

#include <fstream>

#include <gmock/gmock.h>
#include <boost/json.hpp>

#include "../config/temporary_file.hpp"
#include "fakes.hpp"

namespace meshd::store {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

class KubernetesStoreTest : public testing::Test {
protected:
    model::KubernetesRegistry settings() {
        model::KubernetesRegistry settings;
        settings.kubeconfig = file_.path();
        return settings;
    }

    config::TemporaryFile file_{
        "{current-context: c, contexts: [{name: c, context: {cluster: k, user: u}}], clusters: [{name: k, cluster: {server: "
        "\"http://api\"}}], users: [{name: u, user: {token: t}}]}"};
    FakeServer server_;
    KubernetesStore store_{settings(), {}, server_.ask()};
    const std::string list_ =
        R"({"items":[{"metadata":{"name":"service-web","uid":"u","generation":1,"resourceVersion":"7"},"spec":{"services":[]}}]})";
};

TEST_F(KubernetesStoreTest, ListsPageAfterPage) {
    server_.answers(200, R"({"metadata":{"continue":"a b"},"items":[{"metadata":{"name":"one"}}]})");
    server_.answers(200, R"({"metadata":{},"items":[{"metadata":{"name":"two"}}]})");
    EXPECT_EQ(store_.list()->size(), 2U);
    EXPECT_EQ(server_.requests.at(0).url, "http://api/apis/meshd.dev/v1alpha1/meshconfigurations?limit=500");
    EXPECT_EQ(server_.requests.at(0).headers.at("Authorization"), "Bearer t");
    EXPECT_THAT(server_.requests.at(1).url, HasSubstr("&continue=a%20b"));
}

TEST_F(KubernetesStoreTest, AsksTheServerBeforeItWrites) {
    server_.answers(200, list_);
    ASSERT_TRUE(store_.list());
    for (int i = 0; i < 4; ++i) server_.answers(200, "{}");
    EXPECT_EQ(*store_.write({{{Kind::service, "web"}, "services: []\n", "u:1"}, {{Kind::policy, "p"}, "policies: []\n", ""}}),
              Written::done);
    EXPECT_EQ(server_.requests.at(1).method, "PUT");
    EXPECT_THAT(server_.requests.at(1).url, HasSubstr("/service-web?fieldManager=meshctl&dryRun=All"));
    EXPECT_EQ(json::parse(server_.requests.at(3).body).at("metadata").at("resourceVersion"), json::value("7"));
    EXPECT_EQ(server_.requests.at(4).method, "POST");
    EXPECT_THAT(server_.requests.at(4).url, testing::Not(HasSubstr("dryRun")));
}

TEST_F(KubernetesStoreTest, DeletesWhatItHasSeen) {
    server_.answers(200, list_);
    ASSERT_TRUE(store_.list());
    server_.answers(200, "{}");
    server_.answers(409, "{}");
    EXPECT_EQ(*store_.write({{{Kind::service, "web"}, std::nullopt, "u:1"}}), Written::overtaken);
    EXPECT_EQ(server_.requests.at(2).method, "DELETE");
    EXPECT_EQ(json::parse(server_.requests.at(2).body).at("preconditions").at("resourceVersion"), json::value("7"));
}

TEST_F(KubernetesStoreTest, TellsWhatIsMissing) {
    server_.answers(404, "404 page not found");
    EXPECT_THAT(store_.list().error().message(), HasSubstr("`kubectl apply -f deploy/kubernetes/crd.yaml`"));
    server_.answers(403, R"({"kind":"Status","code":403,"message":"meshconfigurations is forbidden"})");
    EXPECT_THAT(store_.list().error().message(),
                HasSubstr("it answers 403: meshconfigurations is forbidden; you need the verbs"));
    server_.answers(200, list_);
    ASSERT_TRUE(store_.list());
    server_.answers(422, R"({"kind":"Status","code":422,"message":"spec.services[0].port: Invalid value"})");
    EXPECT_THAT(store_.write({{{Kind::service, "x"}, "services: []\n", ""}}).error().message(),
                HasSubstr("cannot write service/x to"));
}

}  // namespace
}  // namespace meshd::store
