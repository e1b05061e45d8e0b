// SPDX-License-Identifier: Apache-2.0
#include "store/plan.hpp"

#include <gmock/gmock.h>

#include "fakes.hpp"

namespace meshd::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Item item(const std::string& key, std::string text, std::string version = "1") {
    return {object_of_key(key), "etcd:etcd/meshd/" + key, std::move(text), std::move(version), {}};
}

const auto web = service_text("web", "10.96.0.10");

TEST(Plan, CreatesConfiguresAndLeavesAlone) {
    const auto wanted =
        declared(web + service_text("db", "10.96.0.11").substr(10) + service_text("new", "10.96.0.12").substr(10));
    const auto plan = plan_apply(wanted, {item("services/db", "other", "7"), item("services/web", web, "3")});
    EXPECT_THAT(plan, ElementsAre(Step{Effect::unchanged, {Kind::service, "web"}, web, web, "3"},
                                  Step{Effect::configured, {Kind::service, "db"}, "other", wanted[1].text, "7"},
                                  Step{Effect::created, {Kind::service, "new"}, "", wanted[2].text, ""}));
    const auto changes = changes_of(plan);
    ASSERT_EQ(changes.size(), 2U);
    EXPECT_EQ(changes[0].version, "7");
    EXPECT_EQ(changes[1].version, "");
}

TEST(Plan, DeletesWhatIsThere) {
    const Object here{Kind::service, "web"};
    const Object gone{Kind::policy, "x"};
    const auto plan = plan_delete({here, gone, here}, {item("services/web", web, "3")});
    EXPECT_THAT(plan, ElementsAre(Step{Effect::deleted, here, web, "", "3"}, Step{Effect::missing, gone, "", "", ""}));
    ASSERT_EQ(changes_of(plan).size(), 1U);
    EXPECT_FALSE(changes_of(plan)[0].text.has_value());
}

std::vector<std::string> messages(const std::string& text, const std::vector<Item>& items) {
    std::vector<std::string> all;
    for (const auto& error : conflicts(declared(text), items)) all.push_back(error.message());
    return all;
}

TEST(Plan, OneThatTakesItsOwnPlaceIsNoConflict) { EXPECT_THAT(messages(web, {item("services/web", web)}), IsEmpty()); }

TEST(Plan, FindsTheSameNameUnderAnotherKey) {
    EXPECT_THAT(
        messages(web, {item("by/hand", service_text("web", "10.96.0.99"))}),
        ElementsAre("cannot accept f.yaml:2:11: service \"web\" is already defined at etcd:etcd/meshd/by/hand:2:11; give each "
                    "service a name of its own, or first remove the other: `meshctl delete file/by/hand`"));
}

TEST(Plan, FindsTheSameAddressInTheStoreAndAmongWhatIsDeclared) {
    const auto both = web + service_text("db", "10.96.0.10").substr(10);
    EXPECT_FALSE(declared_in(both, "f.yaml"));  // within one file
    EXPECT_THAT(messages(service_text("db", "10.96.0.10"), {item("services/web", web)}),
                ElementsAre(HasSubstr("is already an address of service \"web\" at etcd:etcd/meshd/services/web:3:14")));
    auto several = declared(web, "a.yaml");
    for (auto& one : declared(service_text("db", "10.96.0.10"), "b.yaml")) several.push_back(std::move(one));
    ASSERT_EQ(conflicts(several, {}).size(), 1U);
    EXPECT_THAT(conflicts(several, {})[0].message(), HasSubstr("b.yaml:3:14"));
}

TEST(Plan, FindsSettingsOfAServiceThatHasSomeElsewhere) {
    const std::string settings = "service_settings:\n  - {service: web, balancing: latency}\n";
    EXPECT_THAT(messages(settings, {item("by/hand", settings)}), ElementsAre(HasSubstr("meshctl delete file/by/hand")));
    EXPECT_THAT(messages(settings, {item("settings/web", settings)}), IsEmpty());
}

TEST(Plan, FindsWhatIsDeclaredTwice) {
    const std::string rule = "policies:\n  - {name: a, action: deny}\n";
    auto twice = declared(rule, "a.yaml");
    for (auto& one : declared(rule, "b.yaml")) twice.push_back(std::move(one));
    const auto errors = conflicts(twice, {});
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_THAT(errors[0].message(), HasSubstr("accept b.yaml:2:5: policy/a is declared twice, first at a.yaml:2:5"));
}

TEST(Plan, LeavesAloneWhatIsWrongInTheStoreAlready) {
    const std::vector<Item> items{item("a", service_text("x", "10.96.0.1")), item("b", service_text("x", "10.96.0.2")),
                                  item("c", "nonsense")};
    EXPECT_THAT(messages(web, items), IsEmpty());
}

}  // namespace
}  // namespace meshd::store
