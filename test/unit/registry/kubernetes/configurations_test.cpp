// SPDX-License-Identifier: Apache-2.0
#include "registry/kubernetes/configurations.hpp"

#include <gmock/gmock.h>

#include "kubernetes_texts.hpp"

namespace meshd::registry::kubernetes {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

boost::json::object configuration(const std::string& name, const std::string& spec, int generation = 1,
                                  const std::string& status = "{}") {
    return object("{'metadata': {'name': '" + name + "', 'uid': 'u-" + name + "', 'generation': " + std::to_string(generation) +
                  ", 'resourceVersion': '5'}, 'spec': " + spec + ", 'status': " + status + "}");
}

const std::string web = "{'services': [{'name': 'web', 'address': '10.96.0.1', 'port': 80, 'backends': []}]}";
const std::string settings = "{'service_settings': [{'service': 'shop/web', 'balancing': 'latency'}]}";

class ConfigurationsTest : public testing::Test {
protected:
    std::vector<std::string> unsaid() const {
        std::vector<std::string> all;
        for (const auto& one : configurations.unsaid()) all.push_back(one.object + ": " + one.verdict.message);
        return all;
    }

    Intake intake{"kubernetes:k", {.share = 100}, {[] {}, [] {}, [] {}}};
    Configurations configurations{intake};
};

TEST_F(ConfigurationsTest, SayWhatARegistryFileCanSay) {
    configurations.put(configuration("web", web));
    configurations.put(configuration("more", settings));
    configurations.put(configuration("rules", "{'policies': [{'name': 'a', 'action': 'deny', 'to': {'service': 'web'}}]}"));
    EXPECT_TRUE(intake.services().contains("web"));
    EXPECT_EQ(intake.settings().at("shop/web")->source, "kubernetes:k/more");
    EXPECT_EQ(intake.settings().at("shop/web")->place, "kubernetes:k/more: spec.service_settings[0].service");
    ASSERT_EQ(intake.rules().size(), 1U);
    EXPECT_EQ(intake.rules()[0].source, "kubernetes:k/rules");
    configurations.remove(configuration("web", "{}"));
    configurations.remove(configuration("more", "{}"));
    configurations.remove(configuration("rules", "{}"));
    EXPECT_TRUE(intake.services().empty() && intake.settings().empty() && intake.rules().empty());
}

TEST_F(ConfigurationsTest, AreRefusedOneByOneWithTheField) {
    configurations.put(configuration("web", web));
    configurations.put(configuration("more", settings));
    configurations.put(configuration("web", "{'services': [{'name': 'web', 'adress': '10.96.0.1'}]}", 2));
    EXPECT_TRUE(intake.services().contains("web")) << "its last good version stays";
    EXPECT_THAT(intake.refused(),
                ElementsAre(Pair("web", HasSubstr("cannot accept kubernetes:k/web: spec.services[0].adress: unknown key"))));
    EXPECT_THAT(unsaid(), ElementsAre("more: ", HasSubstr("web: spec.services[0].adress: unknown key \"adress\"")));
    configurations.put(configuration("twin", settings));
    EXPECT_THAT(intake.refused().at("twin"),
                AllOf(HasSubstr("kubernetes:k/twin: spec.service_settings[0].service"),
                      HasSubstr("already given at kubernetes:k/more: spec.service_settings[0].service")));
    configurations.put(configuration("odd", "7"));
    EXPECT_THAT(intake.refused().at("odd"), HasSubstr("kubernetes:k/odd: spec: the file must be a mapping, found 7"));
}

TEST_F(ConfigurationsTest, ThatAListDoesNotNameAreGone) {
    configurations.put(configuration("web", web));
    configurations.put(configuration("more", settings));
    configurations.begin_list();
    configurations.put(configuration("more", settings));
    configurations.end_list();
    EXPECT_TRUE(intake.services().empty());
    EXPECT_EQ(intake.settings().size(), 1U);
    configurations.begin_list();
    configurations.end_list();
    EXPECT_TRUE(intake.settings().empty());
}

TEST_F(ConfigurationsTest, TellWhichNamesOfServicesTheyGetAndLose) {
    configurations.put(configuration("web", web));
    EXPECT_THAT(configurations.take_touched(), ElementsAre("web"));
    configurations.put(configuration("web", web, 2));
    EXPECT_THAT(configurations.take_touched(), IsEmpty());
    configurations.remove(configuration("web", "{}"));
    EXPECT_THAT(configurations.take_touched(), ElementsAre("web"));
}

TEST_F(ConfigurationsTest, SayOnceWhatBecameOfThem) {
    configurations.put(configuration("web", web));
    ASSERT_EQ(configurations.unsaid().size(), 1U);
    configurations.written(configurations.unsaid()[0]);
    EXPECT_THAT(unsaid(), IsEmpty());
    // Another version of meshd may see it otherwise: who writes last has said it.
    const auto status = [](const std::string& word, int generation) {
        return "{'conditions': [{'type': 'Accepted', 'status': '" + word +
               "', 'message': 'it is in force', 'observedGeneration': " + std::to_string(generation) + "}]}";
    };
    configurations.put(configuration("web", web, 1, status("False", 1)));
    EXPECT_THAT(unsaid(), IsEmpty());
    // A new version of the object is a new matter.
    configurations.put(configuration("web", web, 2, status("False", 1)));
    EXPECT_THAT(unsaid(), ElementsAre("web: "));
    // Another node was faster.
    configurations.put(configuration("web", web, 2, status("True", 2)));
    EXPECT_THAT(unsaid(), IsEmpty());
    configurations.put(configuration("web", web, 3));
    configurations.written(configurations.unsaid()[0]);
    configurations.not_written("web");
    EXPECT_THAT(unsaid(), ElementsAre("web: "));
}

}  // namespace
}  // namespace meshd::registry::kubernetes
