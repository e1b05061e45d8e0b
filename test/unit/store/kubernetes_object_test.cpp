// SPDX-License-Identifier: Apache-2.0
#include "store/kubernetes_object.hpp"

#include <gmock/gmock.h>
#include <boost/json.hpp>

#include "fakes.hpp"

namespace meshd::store {
namespace {

namespace json = boost::json;
using testing::MatchesRegex;

json::object parsed(const std::string& text) { return json::parse(text).as_object(); }

TEST(KubernetesObject, HasANameThatKubernetesTakes) {
    EXPECT_EQ(kubernetes_name({Kind::service, "web"}), "service-web");
    EXPECT_EQ(kubernetes_name({Kind::policy, "deny-db-2"}), "policy-deny-db-2");
    EXPECT_EQ(kubernetes_name({Kind::settings, "web"}), "settings-web");
    EXPECT_THAT(kubernetes_name({Kind::service, "shop/Web_1.2"}), MatchesRegex("service-shop-web-1-2-[0-9a-f]{8}"));
    const auto of_long = kubernetes_name({Kind::service, std::string(127, 'a')});
    EXPECT_EQ(of_long.size(), 63U);
    EXPECT_THAT(of_long, MatchesRegex("service-a+-[0-9a-f]{8}"));
}

TEST(KubernetesObject, OfNamesThatLookAlikeHasDifferentNames) {
    EXPECT_NE(kubernetes_name({Kind::service, "shop/web"}), kubernetes_name({Kind::service, "shop.web"}));
    EXPECT_NE(kubernetes_name({Kind::service, "Web"}), kubernetes_name({Kind::service, "web"}));
}

TEST(KubernetesObject, GoesThereAndBack) {
    for (const Object& object : {Object{Kind::service, "shop/web"}, Object{Kind::service, "web"}, Object{Kind::policy, "A.b"}}) {
        auto made = kubernetes_object(object, service_text("x", "10.96.0.1"), nullptr);
        auto& metadata = made["metadata"].as_object();
        metadata["uid"] = "u";
        metadata["generation"] = 3;
        EXPECT_EQ(metadata["labels"].at("app.kubernetes.io/managed-by"), json::value("meshctl"));
        const auto item = item_of(made, "kubernetes:k/");
        ASSERT_TRUE(item);
        EXPECT_EQ(item->object, object);
        EXPECT_EQ(item->version, "u:3");
        EXPECT_EQ(item->where, "kubernetes:k/" + kubernetes_name(object));
        EXPECT_EQ(item->text, as_kubernetes_keeps(service_text("x", "10.96.0.1")));
        EXPECT_EQ(item->state, "not seen yet");
    }
}

TEST(KubernetesObject, OfSomebodyElseIsAFile) {
    EXPECT_EQ(item_of(parsed(R"({"metadata":{"name":"theirs"}})"), "")->object, (Object{Kind::file, "theirs"}));
    EXPECT_EQ(item_of(parsed(R"({"metadata":{"name":"service-x","annotations":{"meshd.dev/name":"y"}}})"), "")->object.kind,
              Kind::file);
    EXPECT_FALSE(item_of(parsed("{}"), ""));
}

TEST(KubernetesObject, KeepsWhatOthersAddedToIt) {
    const auto before =
        parsed(R"({"metadata":{"name":"service-web","resourceVersion":"7","labels":{"team":"a"},"finalizers":["x"]},"spec":{}})");
    const auto made = kubernetes_object({Kind::service, "web"}, service_text("web", "10.96.0.1"), &before);
    EXPECT_EQ(made.at("metadata").at("resourceVersion"), json::value("7"));
    EXPECT_EQ(made.at("metadata").at("labels").at("team"), json::value("a"));
    EXPECT_EQ(made.at("spec").at("services").at(0).at("name"), json::value("web"));
}

TEST(KubernetesObject, TellsWhatNodesSayOfIt) {
    const auto state = [](const std::string& condition) {
        return item_of(parsed(R"({"metadata":{"name":"x","generation":2},"status":{"conditions":[)" + condition + "]}}"), "")
            ->state;
    };
    EXPECT_EQ(state(R"({"type":"Accepted","status":"True","observedGeneration":2})"), "accepted");
    EXPECT_EQ(state(R"({"type":"Accepted","status":"False","observedGeneration":2})"), "refused");
    EXPECT_EQ(state(R"({"type":"Accepted","status":"True","observedGeneration":1})"), "not seen yet");
    EXPECT_EQ(state(R"({"type":"Other","status":"True"})"), "not seen yet");
}

}  // namespace
}  // namespace meshd::store
