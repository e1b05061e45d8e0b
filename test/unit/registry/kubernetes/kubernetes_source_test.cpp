// SPDX-License-Identifier: Apache-2.0
#include "registry/kubernetes/kubernetes_source.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kubernetes_source_fixture.hpp"

namespace meshd::registry {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;

TEST_F(KubernetesSourceTest, TellsNothingUntilAllKindsWereListed) {
    FakeApi::Exchange waiting;
    api_.answer = [&](const FakeApi::Exchange& exchange, const std::string& kind) {
        if (kind == "endpointslices" && !waiting) waiting = exchange;
        return waiting == exchange;
    };
    start();
    wait_until([&] { return waiting && api_.watches("services") && api_.watches("nodes") && api_.watches("here"); });
    EXPECT_FALSE(intake_.complete());
    EXPECT_EQ(backends("default/web"), "none") << "a service without its backends would refuse connections";
    waiting->answer(FakeApi::list(api_.objects["endpointslices"], 7));
    waiting.reset();
    wait_until([&] { return intake_.complete(); });
    EXPECT_EQ(backends("default/web"), "10.1.0.1:8080 ready");
    EXPECT_EQ(intake_.services().at("default/web")->ports[0].backends[0].locality, "-/za/n1");
}

TEST_F(KubernetesSourceTest, AsksForWhatKubeProxyAsksFor) {
    start_and_wait();
    EXPECT_THAT(api_.targets,
                Contains(HasSubstr("/api/v1/services?limit=500&labelSelector=%21service.kubernetes.io%2Fheadless%2C%21")));
    EXPECT_THAT(api_.targets, Contains(AllOf(HasSubstr("/apis/discovery.k8s.io/v1/endpointslices?watch=true"),
                                             HasSubstr("allowWatchBookmarks=true"), HasSubstr("resourceVersion=100"))));
    EXPECT_THAT(api_.targets, Contains(HasSubstr("fieldSelector=metadata.name%3Dn1")));
    EXPECT_EQ(api_.last_token, "secret");
}

TEST_F(KubernetesSourceTest, AsksForTheMetadataOfOtherNodesAlone) {
    start_and_wait();
    EXPECT_EQ(api_.accepted["list nodes"], "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json");
    EXPECT_EQ(api_.accepted["watch nodes"], "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json")
        << "a server that is offered both answers a watch with nothing";
    EXPECT_EQ(api_.accepted["watch here"], "application/json");
}

TEST_F(KubernetesSourceTest, EventsOfAWatchAreTakenWhereverTheyAreCut) {
    start_and_wait();
    const auto event = "{\"type\":\"MODIFIED\",\"object\":" + slice("web", "10.1.0.2", 101) + "}\n";
    api_.chunk("endpointslices", event.substr(0, 40));
    api_.chunk("endpointslices", event.substr(40));
    wait_until([&] { return backends("default/web") == "10.1.0.2:8080 ready"; });
    api_.event("services", "ADDED", service("db", "10.96.0.11"));
    wait_until([&] { return backends("default/db").empty(); });
    api_.event("services", "DELETED", service("db", "10.96.0.11"));
    wait_until([&] { return backends("default/db") == "none"; });
}

TEST_F(KubernetesSourceTest, PagesOfAListAreFollowed) {
    api_.answer = [&](const FakeApi::Exchange& exchange, const std::string& kind) {
        if (kind != "services" || exchange->target().find("watch") != std::string::npos) return false;
        if (exchange->target().find("continue=a%2Fb") == std::string::npos)
            exchange->answer(FakeApi::list({service("web")}, 100, R"(,"continue":"a/b")"));
        else
            exchange->answer(FakeApi::list({service("db", "10.96.0.11")}, 100));
        return true;
    };
    start_and_wait();
    EXPECT_EQ(backends("default/web"), "10.1.0.1:8080 ready");
    EXPECT_EQ(backends("default/db"), "");
    EXPECT_EQ(api_.count("list services"), 2);
}

TEST_F(KubernetesSourceTest, AListWhosePagesAreTooOldIsAskedForWhole) {
    api_.answer = [&](const FakeApi::Exchange& exchange, const std::string& kind) {
        const auto target = exchange->target();
        if (kind != "services" || target.find("limit=500") == std::string::npos) return false;
        if (target.find("continue=") == std::string::npos)
            exchange->answer(FakeApi::list({service("gone-meanwhile", "10.96.0.12")}, 100, R"(,"continue":"old")"));
        else
            exchange->answer(R"({"kind":"Status","code":410,"reason":"Expired"})", "410 Gone");
        return true;
    };
    start_and_wait();
    EXPECT_EQ(backends("default/web"), "10.1.0.1:8080 ready");
    EXPECT_EQ(backends("default/gone-meanwhile"), "none");
}

TEST_F(KubernetesSourceTest, AServerWithoutVersionOneIsAskedForTheBeta) {
    api_.answer = [&](const FakeApi::Exchange& exchange, const std::string& kind) {
        if (kind != "endpointslices" || exchange->target().find("/v1/") == std::string::npos) return false;
        exchange->answer("404 page not found", "404 Not Found");
        return true;
    };
    start_and_wait();
    EXPECT_EQ(backends("default/web"), "10.1.0.1:8080 ready");
    EXPECT_EQ(intake_.error(), "");
}

TEST_F(KubernetesSourceTest, AVersionThatIsTooOldIsListedAgainAndWhatIsMissingIsGone) {
    start_and_wait();
    api_.objects["services"] = {service("new", "10.96.0.13")};
    api_.event("services", "ERROR", R"({"kind":"Status","code":410,"reason":"Expired","message":"too old resource version"})");
    wait_until([&] { return backends("default/new").empty() && backends("default/web") == "none"; });
    EXPECT_EQ(intake_.error(), "") << "that is no failure";
}

TEST_F(KubernetesSourceTest, AWatchThatEndsGoesOnFromWhereItWas) {
    start_and_wait();
    api_.event("services", "BOOKMARK", R"({"metadata":{"resourceVersion":"777"}})");
    api_.end_watch("services");
    wait_until([&] { return api_.count("watch services") == 2; });
    EXPECT_THAT(api_.targets.back(), HasSubstr("resourceVersion=777"));
    EXPECT_EQ(api_.count("list services"), 1);
}

TEST_F(KubernetesSourceTest, AConnectionThatBreaksRemovesNothingAndIsFollowedByAList) {
    start_and_wait();
    api_.objects["endpointslices"] = {slice("web", "10.1.0.3")};
    api_.break_watch("endpointslices");
    wait_until([&] { return !intake_.error().empty(); });
    EXPECT_EQ(backends("default/web"), "10.1.0.1:8080 ready");
    wait_until([&] { return backends("default/web") == "10.1.0.3:8080 ready" && intake_.error().empty(); });
}

TEST_F(KubernetesSourceTest, TellsWhatToDoWhenItIsNotLetIn) {
    std::string status = "401 Unauthorized";
    api_.answer = [&](const FakeApi::Exchange& exchange, const std::string& kind) {
        if (kind != "endpointslices" || status.empty()) return false;
        exchange->answer(R"({"kind":"Status","message":"go away"})", status);
        return true;
    };
    start();
    wait_until([&] { return !intake_.error().empty(); });
    EXPECT_THAT(intake_.error(),
                AllOf(HasSubstr("it answers 401: go away"), HasSubstr("token"), HasSubstr(directory_.string() + "/token")));
    status = "403 Forbidden";
    wait_until([&] { return intake_.error().find("answers 403") != std::string::npos; });
    EXPECT_THAT(intake_.error(), AllOf(HasSubstr("grant the verbs list and watch for \"endpointslices\" of the API group "
                                                 "\"discovery.k8s.io\""),
                                       HasSubstr("deploy/kubernetes/rbac.yaml")));
    EXPECT_FALSE(intake_.complete());
    status.clear();
    wait_until([&] { return intake_.complete() && intake_.error().empty(); });
}

TEST_F(KubernetesSourceTest, OneKindThatFailsIsNotHiddenByTheOthers) {
    start_and_wait();
    bool fails = true;
    api_.answer = [&](const FakeApi::Exchange& exchange, const std::string& kind) {
        if (kind != "nodes" || !fails) return false;
        exchange->answer("{}", "500 Internal Server Error");
        return true;
    };
    api_.break_watch("nodes");
    wait_until([&] { return intake_.error().find("answers 500") != std::string::npos; });
    api_.event("endpointslices", "MODIFIED", slice("web", "10.1.0.4", 102));
    wait_until([&] { return backends("default/web") == "10.1.0.4:8080 ready"; });
    EXPECT_THAT(intake_.error(), HasSubstr("answers 500"));
    fails = false;
    wait_until([&] { return intake_.error().empty(); });
}

TEST_F(KubernetesSourceTest, ABadObjectIsRefusedAlone) {
    api_.objects["services"].push_back(service("bad", "10.96.0.999"));
    start_and_wait();
    EXPECT_EQ(backends("default/web"), "10.1.0.1:8080 ready");
    ASSERT_TRUE(intake_.refused().contains("services default/bad"));
    EXPECT_THAT(intake_.refused().at("services default/bad"), HasSubstr("\"10.96.0.999\" is no IP address"));
    api_.event("services", "MODIFIED", service("bad", "10.96.0.99"));
    wait_until([&] { return backends("default/bad").empty(); });
    EXPECT_TRUE(intake_.refused().empty());
}

TEST_F(KubernetesSourceTest, ABrokenListIsNotBelieved) {
    bool is_broken = false;
    api_.answer = [&](const FakeApi::Exchange& exchange, const std::string& kind) {
        if (kind != "services" || !is_broken) return false;
        exchange->answer(R"({"metadata":{"resourceVersion":"9"},"items":[{"metadata":)");
        return true;
    };
    start_and_wait();
    is_broken = true;
    source_->sync();
    wait_until([&] { return intake_.error().find("it is not JSON") != std::string::npos; });
    EXPECT_EQ(backends("default/web"), "10.1.0.1:8080 ready");
    is_broken = false;
    wait_until([&] { return intake_.error().empty(); });
}

TEST_F(KubernetesSourceTest, SyncListsEverythingAndPublishesOnce) {
    start_and_wait();
    const auto syncs = intake_.figures().syncs;
    write_token("renewed");
    source_->sync();
    source_->sync();
    wait_until([&] { return intake_.figures().syncs > syncs && all_watched() && api_.count("watch here") == 2; });
    EXPECT_EQ(intake_.figures().syncs, syncs + 1);
    for (const auto* const kind : {"services", "endpointslices", "nodes", "here"})
        EXPECT_EQ(api_.count(std::string("list ") + kind), 2) << kind;
    EXPECT_EQ(api_.last_token, "renewed") << "tokens of pods are replaced every hour";
}

TEST_F(KubernetesSourceTest, SaysThatTheClusterDoesNotKnowThisNode) {
    api_.objects["here"].clear();
    start_and_wait();
    ASSERT_TRUE(intake_.refused().contains("node n1"));
    EXPECT_THAT(intake_.refused().at("node n1"), HasSubstr("give its name in \"node\""));
    api_.event("here", "ADDED", node);
    wait_until([&] { return intake_.refused().empty(); });
}

TEST_F(KubernetesSourceTest, AFileThatCannotBeReadIsAFailureOfTheSettings) {
    std::filesystem::remove(directory_ / "token");
    start();
    wait_until([&] { return !intake_.error().empty(); });
    EXPECT_GT(intake_.figures().failures[static_cast<std::size_t>(Failure::settings)], 0U);
    write_token("there");
    wait_until([&] { return intake_.complete(); });
}

// ---- Pods, and addresses of nodes ----

std::string pod(const std::string& name, char last, const std::string& phase = "Running") {
    return fmt::format(
        R"({{"metadata":{{"namespace":"shop","name":"{}","uid":"00000000-0000-4000-8000-00000000000{}","resourceVersion":"7"}},)"
        R"("spec":{{"serviceAccountName":"web"}},"status":{{"phase":"{}"}}}})",
        name, last, phase);
}

std::string pods_of(const Intake& intake) {
    std::string text;
    if (!intake.pods()) return "not told";
    for (const auto& one : *intake.pods()) text += one.full_name() + " ";
    return text;
}

TEST_F(KubernetesSourceTest, FollowsThePodsOfThisNodeWhenSomebodyAsksForThem) {
    settings_.pods = true;
    api_.objects["pods"] = {pod("b", 'b'), pod("a", 'a'), pod("over", 'c', "Succeeded")};
    start_and_wait();
    wait_until([&] { return api_.watches("pods"); });
    EXPECT_EQ(pods_of(intake_), "shop/a shop/b ");
    EXPECT_TRUE(std::any_of(api_.targets.begin(), api_.targets.end(), [](const std::string& one) {
        return one.starts_with("/api/v1/pods?limit=") && one.ends_with("&fieldSelector=spec.nodeName%3Dn1");
    }));
    api_.event("pods", "MODIFIED", pod("a", 'a', "Failed"));
    api_.event("pods", "ADDED", pod("d", 'd'));
    wait_until([&] { return pods_of(intake_) == "shop/b shop/d "; });
    api_.event("pods", "DELETED", pod("b", 'b'));
    wait_until([&] { return pods_of(intake_) == "shop/d "; });
    // A deletion that no watch told.
    api_.objects["pods"] = {};
    source_->sync();
    wait_until([&] { return pods_of(intake_).empty(); });
}

TEST_F(KubernetesSourceTest, AsksForNoPodsOtherwise) {
    start_and_wait();
    EXPECT_EQ(api_.count("list pods"), 0);
    EXPECT_EQ(pods_of(intake_), "not told");
}

TEST_F(KubernetesSourceTest, APodThatCannotBeReadIsNoneAndIsTold) {
    settings_.pods = true;
    api_.objects["pods"] = {pod("a", 'a'), pod("bad", 'x')};
    start_and_wait();
    wait_until([&] { return pods_of(intake_) == "shop/a "; });
    EXPECT_TRUE(intake_.refused().contains("pods shop/bad"));
}

TEST_F(KubernetesSourceTest, KnowsWhichHostABackendIsOn) {
    const std::string whole =
        R"({"metadata":{"name":"n1","resourceVersion":"1"},"status":{"addresses":[{"type":"InternalIP","address":"192.0.2.1"}]}})";
    api_.objects["nodes"] = {whole};
    settings_.hosts = true;
    start_and_wait();
    EXPECT_EQ(api_.accepted["list nodes"], "application/json");
    const auto host = [&] { return intake_.services().at("default/web")->ports.at(0).backends.at(0).host; };
    ASSERT_TRUE(host());
    EXPECT_EQ(host()->text(), "192.0.2.1");
    auto moved = whole;
    moved.replace(moved.find("192.0.2.1"), 9, "192.0.2.7");
    api_.event("nodes", "MODIFIED", moved);
    wait_until([&] { return host()->text() == "192.0.2.7"; });
}

}  // namespace
}  // namespace meshd::registry
