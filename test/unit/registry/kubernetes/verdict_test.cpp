// SPDX-License-Identifier: Apache-2.0
#include "registry/kubernetes/verdict.hpp"

#include <gtest/gtest.h>

#include "kubernetes_texts.hpp"

namespace meshd::registry::kubernetes {
namespace {

const auto moment = std::chrono::system_clock::from_time_t(1'700'000'000);
const std::string source = "kubernetes:prod";

Standing standing(const std::string& conditions) {
    return standing_of(
        object("{'metadata': {'name': 'web', 'uid': 'u1', 'resourceVersion': '7', 'generation': 3}, 'status': "
               "{'conditions': [" +
               conditions + "]}}"));
}

std::string condition(const std::string& status, const std::string& message, int generation = 3) {
    return "{'type': 'Accepted', 'status': '" + status + "', 'reason': 'x', 'message': '" + message +
           "', 'observedGeneration': " + std::to_string(generation) + ", 'lastTransitionTime': '2020-01-01T00:00:00Z'}";
}

boost::json::object patched(const Standing& standing, const Verdict& verdict) {
    return boost::json::parse(status_patch(standing, verdict, moment)).as_object();
}

TEST(Verdict, HasTheSameWordsWhateverTheRegistryIsCalled) {
    EXPECT_EQ(verdict_of(3, "cannot accept kubernetes:prod/web: spec.services[0]: wrong; see kubernetes:prod/other: spec", source,
                         "web"),
              (Verdict{3, "spec.services[0]: wrong; see other: spec"}));
    EXPECT_TRUE(verdict_of(3, "", source, "web").accepted());
}

TEST(Verdict, IsCutBetweenCharacters) {
    std::string text(4095, 'a');
    EXPECT_EQ(verdict_of(1, text + "\xc3\xa4", source, "web").message, text);
    EXPECT_EQ(verdict_of(1, text + "b", source, "web").message, text + "b");
}

TEST(Verdict, IsComparedWithWhatStandsThere) {
    const Verdict good{3, {}}, bad{3, "wrong"};
    EXPECT_FALSE(standing("").says(good));
    EXPECT_FALSE(standing("7, {'type': 'Ready', 'status': 'True'}").says(good));
    EXPECT_TRUE(standing(condition("True", "it is in force")).says(good));
    EXPECT_FALSE(standing(condition("True", "it is in force", 2)).says(good));
    EXPECT_TRUE(standing(condition("False", "wrong")).says(bad));
    EXPECT_FALSE(standing(condition("False", "wrong otherwise")).says(bad));
    EXPECT_FALSE(standing(condition("False", "wrong")).says(good));
    EXPECT_FALSE(standing_of(object("{'metadata': {}, 'status': 5}")).says(good));
}

TEST(Verdict, IsWrittenIntoAStatusThatHasNotChangedMeanwhile) {
    const auto patch = patched(standing(""), {3, "wrong"});
    EXPECT_EQ(patch.at("metadata").at("resourceVersion"), "7");
    const auto& conditions = patch.at("status").at("conditions").as_array();
    ASSERT_EQ(conditions.size(), 1U);
    EXPECT_EQ(boost::json::serialize(conditions[0]),
              R"({"type":"Accepted","status":"False","reason":"Refused","message":"wrong","observedGeneration":3,)"
              R"("lastTransitionTime":"2023-11-14T22:13:20Z"})");
}

TEST(Verdict, KeepsConditionsOfOthersAndTheTimeOfTheLastTransition) {
    const auto before = standing("{'type': 'Ready', 'status': 'True'}, " + condition("False", "wrong", 2));
    auto conditions = patched(before, {3, "wrong otherwise"}).at("status").at("conditions").as_array();
    ASSERT_EQ(conditions.size(), 2U);
    EXPECT_EQ(conditions[0].at("type"), "Ready");
    EXPECT_EQ(conditions[1].at("lastTransitionTime"), "2020-01-01T00:00:00Z");
    conditions = patched(before, {3, {}}).at("status").at("conditions").as_array();
    EXPECT_EQ(conditions[1].at("lastTransitionTime"), "2023-11-14T22:13:20Z");
    EXPECT_EQ(conditions[1].at("reason"), "Accepted");
}

}  // namespace
}  // namespace meshd::registry::kubernetes
