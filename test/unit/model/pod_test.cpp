// SPDX-License-Identifier: Apache-2.0
#include "model/pod.hpp"

#include <gmock/gmock.h>
#include <boost/json.hpp>

#include "model/pod_json.hpp"

namespace meshd::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* uid_a = "00000000-0000-4000-8000-00000000000a";
constexpr const char* uid_b = "00000000-0000-4000-8000-00000000000b";
constexpr const char* uid_c = "00000000-0000-4000-8000-00000000000c";

Pod pod(const char* uid, const char* account, const char* space = "shop") {
    return {uid, space, std::string(account) + "-1", account, {{"app", account}}};
}

WorkloadIdentity entry(const char* name, PodSelector selector = {}) {
    WorkloadIdentity made{name, {}, {}, {}, {"/tls/{namespace}-{service_account}.pem", "/tls/{pod}.key"}};
    made.pod = std::move(selector);
    return made;
}

TEST(Pod, HasAUidOfAnApiServer) {
    EXPECT_TRUE(is_pod_uid(uid_a));
    for (const auto* bad : {"", "..", "00000000-0000-4000-8000-00000000000", "00000000-0000-4000-8000-00000000000A",
                            "00000000-0000-4000-8000-0000000000/a", "00000000x0000-4000-8000-00000000000a"})
        EXPECT_FALSE(is_pod_uid(bad)) << bad;
}

TEST(Pod, IsBelievedOnlyAsAServerHasIt) {
    EXPECT_EQ(why_no_pod(pod(uid_a, "web")), "");
    EXPECT_THAT(why_no_pod(pod("../x", "web")), HasSubstr("uid"));
    EXPECT_THAT(why_no_pod(pod(uid_a, "web", "a.b")), HasSubstr("namespace"));
    EXPECT_THAT(why_no_pod(pod(uid_a, "..")), HasSubstr("name"));
    EXPECT_THAT(why_no_pod(pod(uid_a, "web/..", "shop")), HasSubstr("name"));
    auto many = pod(uid_a, "web");
    for (std::size_t i = 0; i <= max_pod_labels; ++i) many.labels.emplace("l" + std::to_string(i), "");
    EXPECT_THAT(why_no_pod(many), HasSubstr("labels"));
    auto odd = pod(uid_a, "web");
    odd.labels["app"] = "a\nb";
    EXPECT_THAT(why_no_pod(odd), HasSubstr("label"));
}

TEST(Pod, GoesOverTheChannelAsItIs) {
    const auto made = pod(uid_a, "web");
    EXPECT_EQ(*pod_from_json(to_json(made), "pods[0]"), made);
    auto bad = to_json(made);
    bad["uid"] = "..";
    EXPECT_FALSE(pod_from_json(bad, "pods[0]"));
    bad = to_json(made);
    bad["labels"] = boost::json::object{{"a", 1}};
    EXPECT_FALSE(pod_from_json(bad, "pods[0]"));
    EXPECT_FALSE(pod_from_json(7, "pods[0]"));
}

TEST(PodSelector, FitsByAllThatItSays) {
    const auto web = pod(uid_a, "web");
    EXPECT_TRUE(fits({}, web));
    EXPECT_TRUE(fits({"sh*", "w*b", {{"app", "w*"}}}, web));
    EXPECT_FALSE(fits({"bank", "*", {}}, web));
    EXPECT_FALSE(fits({"*", "we", {}}, web));
    EXPECT_FALSE(fits({"*", "*", {{"app", "till"}}}, web));
    EXPECT_FALSE(fits({"*", "*", {{"tier", "*"}}}, web));
}

TEST(WithPods, MakesOneIdentityForEachMeaningOfAName) {
    const auto all =
        with_pods({entry("ns/{namespace}/sa/{service_account}")}, {pod(uid_a, "web"), pod(uid_b, "till"), pod(uid_c, "web")});
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].name, "ns/shop/sa/till");
    EXPECT_EQ(all[1].name, "ns/shop/sa/web");
    EXPECT_THAT(all[1].pods, ElementsAre(uid_a, uid_c));
    EXPECT_EQ(all[1].files.certificate, "/tls/shop-web.pem");
    EXPECT_EQ(all[0].files.key, "/tls/till-1.key");
}

TEST(WithPods, GivesAPodTheFirstThatFits) {
    const auto entries = {entry("front", {"shop", "web", {}}), entry("ns/{namespace}/sa/{service_account}", {"shop", "*", {}})};
    const std::vector pods{pod(uid_a, "web"), pod(uid_b, "till"), pod(uid_c, "web", "bank")};
    const auto all = with_pods(entries, pods);
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].name, "front");
    EXPECT_THAT(all[0].pods, ElementsAre(uid_a));
    EXPECT_EQ(all[1].name, "ns/shop/sa/till");
    EXPECT_THAT(pods_of_node(entries, pods), ElementsAre(uid_c));
}

TEST(WithPods, LeavesOutWhatIsNoNameOrIsTaken) {
    WorkloadIdentity other{"ns/shop/sa/web", "/web.slice", {}, {}, {}};
    EXPECT_THAT(with_pods({entry("ns/{namespace}/sa/{service_account}"), other}, {pod(uid_a, "web")}), ElementsAre(other));
    auto longest = pod(uid_a, "web");
    longest.service_account = std::string(200, 'a');
    EXPECT_THAT(with_pods({entry("{service_account}")}, {longest}), IsEmpty());
    const std::vector<WorkloadIdentity> entries{entry("{service_account}", {"shop"})};
    const std::vector<Pod> pods{longest, pod(uid_b, "web"), pod(uid_c, "till", "other")};
    EXPECT_THAT(pods_without_identity(entries, with_pods(entries, pods), pods), ElementsAre(longest));
    // It is not the node's either: somebody meant it to have another.
    EXPECT_THAT(pods_of_node({entry("{service_account}")}, {longest}), IsEmpty());
}

}  // namespace
}  // namespace meshd::model
