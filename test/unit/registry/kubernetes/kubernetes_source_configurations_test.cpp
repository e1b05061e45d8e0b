// SPDX-License-Identifier: Apache-2.0
// MeshConfigurations as an API server tells them: what stands in lists, watches and answers to patches is as a real one has it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kubernetes_source_fixture.hpp"

namespace meshd::registry {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

const std::string kind = "meshconfigurations";

std::string configuration(const std::string& name, const std::string& spec, int generation = 1, const std::string& status = {}) {
    return fmt::format(
        R"({{"apiVersion":"meshd.dev/v1alpha1","kind":"MeshConfiguration","metadata":{{"creationTimestamp":"2026-01-01T00:00:00Z",)"
        R"("generation":{},"managedFields":[{{"manager":"kubectl","operation":"Update"}}],"name":"{}","resourceVersion":"{}","selfLink":)"
        R"("/apis/meshd.dev/v1alpha1/meshconfigurations/{}","uid":"1f-{}"}},"spec":{}{}}})",
        generation, name, 110 + generation, name, name, spec, status);
}

const std::string settings = R"({"service_settings":[{"balancing":{"policy":"latency"},"service":"default/web"}]})";
const std::string web = R"({"services":[{"name":"default/web","address":"10.96.0.77","port":81,"backends":[]}]})";

class ConfiguredSourceTest : public KubernetesSourceTest {
protected:
    // The server has no such resource as long as this holds.
    void make_absent() {
        api_.answer = [this](const FakeApi::Exchange& exchange, const std::string& of) {
            if (!is_absent || of != kind) return false;
            exchange->answer("404 page not found\n", "404 Not Found");
            return true;
        };
    }
    void wait_watched() {
        wait_until([&] { return intake_.complete() && all_watched() && api_.watches(kind); });
    }

    bool is_absent = true;
};

TEST_F(ConfiguredSourceTest, FollowsThem) {
    api_.objects[kind] = {configuration("web", settings)};
    start();
    wait_watched();
    EXPECT_EQ(intake_.settings().at("default/web")->source, "kubernetes/web");
    api_.event(kind, "MODIFIED", configuration("web", R"({"policies":[{"action":"deny","name":"a"}]})", 2));
    wait_until([&] { return intake_.settings().empty(); });
    EXPECT_EQ(intake_.rules().size(), 1U);
    api_.event(kind, "DELETED", configuration("web", "{}", 2));
    wait_until([&] { return intake_.rules().empty(); });
    EXPECT_EQ(backends("default/web"), "10.1.0.1:8080 ready");
}

TEST_F(ConfiguredSourceTest, KeepsTheLastGoodVersionOfABadOneAndSaysSoInItsStatus) {
    std::string patch;
    api_.answer = [&](const FakeApi::Exchange& exchange, const std::string& of) {
        if (of != "status") return false;
        patch = exchange->request;
        exchange->answer("{}");
        return true;
    };
    const auto in_force =
        R"(,"status":{"conditions":[{"type":"Accepted","status":"True","reason":"Accepted","message":"it is in )"
        R"(force","observedGeneration":1,"lastTransitionTime":"2026-01-01T00:00:00Z"}]})";
    api_.objects[kind] = {configuration("other", "{}", 1, in_force), configuration("web", settings, 1, in_force)};
    start();
    wait_watched();
    EXPECT_EQ(api_.count("list status"), 0) << "what stands there is said already";
    api_.event(kind, "MODIFIED",
               configuration("web", R"({"service_settings":[{"service":"default/web","limit":{}}]})", 2, in_force));
    wait_until([&] { return !patch.empty(); });
    EXPECT_THAT(patch,
                AllOf(HasSubstr("PATCH /apis/meshd.dev/v1alpha1/meshconfigurations/web/status"),
                      HasSubstr("Content-Type: application/merge-patch+json"), HasSubstr("Authorization: Bearer secret"),
                      HasSubstr(R"("resourceVersion":"112")"), HasSubstr(R"("status":"False","reason":"Refused")"),
                      HasSubstr(R"(spec.service_settings[0].limit: unknown key)"), HasSubstr(R"("observedGeneration":2)")));
    EXPECT_THAT(intake_.refused(), ElementsAre(Pair("web", HasSubstr("kubernetes/web: spec.service_settings[0].limit"))));
    EXPECT_EQ(intake_.settings().size(), 1U);
    EXPECT_EQ(api_.count("list status"), 1);
}

TEST_F(ConfiguredSourceTest, NeedsNoneAndFindsThemWhenTheyCome) {
    make_absent();
    start_and_wait();
    EXPECT_EQ(intake_.error(), "");
    EXPECT_EQ(backends("default/web"), "10.1.0.1:8080 ready");
    EXPECT_FALSE(api_.watches(kind));
    is_absent = false;
    api_.objects[kind] = {configuration("web", settings)};
    source_->sync();
    wait_until([&] { return api_.watches(kind); });
    EXPECT_EQ(intake_.settings().size(), 1U);
}

TEST_F(ConfiguredSourceTest, DoesNotBelieveAtOnceThatTheyAreGone) {
    is_absent = false;
    make_absent();
    api_.objects[kind] = {configuration("web", settings)};
    start();
    wait_watched();
    is_absent = true;
    source_->sync();
    const auto asked = api_.count("list " + kind);
    wait_until([&] { return api_.count("list " + kind) > asked && all_watched(); });
    source_->sync();
    wait_until([&] { return api_.count("list " + kind) > asked + 1 && all_watched(); });
    EXPECT_EQ(intake_.settings().size(), 1U);
    EXPECT_EQ(intake_.error(), "");
}

TEST_F(ConfiguredSourceTest, SaysThatARightIsMissingAndServesTheRest) {
    api_.answer = [&](const FakeApi::Exchange& exchange, const std::string& of) {
        if (of != kind) return false;
        exchange->answer("{}", "403 Forbidden");
        return true;
    };
    start();
    wait_until([&] { return all_watched() && !intake_.error().empty() && backends("default/web") != "none"; });
    EXPECT_THAT(intake_.error(), AllOf(HasSubstr("meshconfigurations"), HasSubstr("403"), HasSubstr("rbac.yaml")));
    EXPECT_FALSE(intake_.complete());
    EXPECT_EQ(backends("default/web"), "10.1.0.1:8080 ready");
}

TEST_F(ConfiguredSourceTest, TakesTheirServicesBeforeThoseOfTheSameName) {
    start();
    wait_watched();
    api_.event(kind, "ADDED", configuration("web", web));
    wait_until([&] { return intake_.services().at("default/web")->ports[0].number == 81; });
    EXPECT_THAT(intake_.refused(),
                testing::Contains(Pair("service default/web", HasSubstr("a MeshConfiguration has a service"))));
    source_->sync();
    wait_watched();
    EXPECT_EQ(intake_.services().at("default/web")->ports[0].number, 81);
    api_.event(kind, "DELETED", configuration("web", web));
    wait_until([&] { return intake_.services().at("default/web")->ports[0].number == 80; });
    EXPECT_TRUE(intake_.refused().empty());
}

}  // namespace
}  // namespace meshd::registry
