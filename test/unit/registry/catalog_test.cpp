// SPDX-License-Identifier: Apache-2.0
#include "registry/catalog.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "registry_texts.hpp"

namespace meshd::registry {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Reading reading(const std::string& path, const std::string& items) {
    return {path, config::parse_registry_file(file_of(items), path)};
}

template <typename... Readings>
void apply(Catalog& catalog, Readings... readings) {
    std::vector<Reading> list;
    (list.push_back(std::move(readings)), ...);
    catalog.apply(std::move(list));
}

std::vector<std::string> names(const Change& change) {
    std::vector<std::string> result;
    for (const auto& service : change.upsert) result.push_back(service->name);
    return result;
}

std::vector<std::string> refused(const Catalog& catalog) {
    std::vector<std::string> result;
    for (const auto& status : catalog.statuses())
        if (status.state == SourceState::refused) result.push_back(status.name);
    return result;
}

int weight_of(const Catalog& catalog, const std::string& service) {
    const auto found = catalog.state().services.find(service);
    return found == catalog.state().services.end() ? -1 : found->second->ports.at(0).backends.at(0).weight;
}

std::string source_of(const Catalog& catalog, const std::string& service) {
    const auto found = catalog.state().services.find(service);
    return found == catalog.state().services.end() ? "none" : found->second->source;
}

TEST(Catalog, TellsOnlyServicesThatDiffer) {
    Catalog catalog;
    apply(catalog, reading("a", item("x", 1) + item("y", 2)));
    EXPECT_THAT(names(catalog.take_change()), ElementsAre("x", "y"));
    const auto before = catalog.state().services.at("x");

    apply(catalog, reading("a", item("x", 1) + item("y", 2, 5) + item("z", 3)));
    EXPECT_THAT(names(catalog.take_change()), ElementsAre("y", "z"));
    EXPECT_EQ(catalog.state().services.at("x"), before) << "a service that is the same is the same object";

    apply(catalog, reading("a", item("z", 3)));
    const auto change = catalog.take_change();
    EXPECT_THAT(change.upsert, IsEmpty());
    EXPECT_THAT(change.remove, ElementsAre("x", "y"));
}

TEST(Catalog, TellsAServiceWhoseAccelerationDiffers) {
    Catalog catalog;
    const auto web = item("x", 1);
    apply(catalog, reading("a", web));
    catalog.take_change();
    apply(catalog, reading("a", web.substr(0, web.rfind('}')) + ", acceleration: off}\n"));
    EXPECT_THAT(names(catalog.take_change()), ElementsAre("x"));
    EXPECT_EQ(catalog.state().services.at("x")->acceleration, model::Acceleration::off);
}

TEST(Catalog, TellsNothingOfAChangeThatWasTakenBack) {
    Catalog catalog;
    apply(catalog, reading("a", item("x", 1)));
    catalog.take_change();
    const auto version = catalog.state().version;
    apply(catalog, reading("a", item("x", 1, 7)));
    apply(catalog, reading("a", item("x", 1)));
    EXPECT_TRUE(catalog.take_change().empty());
    EXPECT_EQ(catalog.state().version, version);
}

TEST(Catalog, GivesServicesTheirSource) {
    Catalog catalog;
    apply(catalog, reading("/etc/a.yaml", item("x", 1)));
    EXPECT_EQ(source_of(catalog, "x"), "file:/etc/a.yaml");
}

TEST(Catalog, KeepsTheLastGoodContentOfABadFile) {
    Catalog catalog;
    apply(catalog, reading("a", item("x", 1)));
    catalog.take_change();
    apply(catalog, reading("a", "  - {nmae: x}\n"));
    EXPECT_TRUE(catalog.take_change().empty());
    const auto status = catalog.statuses().at(0);
    EXPECT_EQ(status.name, "file:a");
    EXPECT_EQ(status.state, SourceState::refused);
    EXPECT_EQ(status.services, 1U);
    EXPECT_EQ(status.error,
              "a:2:6: unknown key \"nmae\" in a service, expected name, address, addresses, port, ports, target_port, node_port, "
              "protocol, "
              "balancing, subsets, when_no_backend, acceleration, forward, affinity, limits, drain, health, tls, backends or "
              "backends_from; did you "
              "mean \"name\"?");
}

TEST(Catalog, IsCompleteWhenEveryFileWasGoodOnce) {
    Catalog catalog;
    EXPECT_FALSE(catalog.state().complete);
    catalog.set_directory_was_read();
    EXPECT_TRUE(catalog.state().complete);
    apply(catalog, reading("a", "  - {}\n"));
    EXPECT_FALSE(catalog.state().complete);
    apply(catalog, reading("a", item("x", 1)));
    EXPECT_TRUE(catalog.state().complete);
    apply(catalog, reading("a", "  - {}\n"));
    EXPECT_TRUE(catalog.state().complete);

    apply(catalog, reading("b", "  - {}\n"));
    EXPECT_FALSE(catalog.state().complete);
    catalog.apply({}, {"b"});
    EXPECT_TRUE(catalog.state().complete);
}

TEST(Catalog, RefusesTheLaterOfTwoFilesWhole) {
    Catalog catalog;
    apply(catalog, reading("a", item("x", 1)), reading("b", item("y", 2) + item("z", 1)));
    EXPECT_THAT(names(catalog.take_change()), ElementsAre("x"));
    const auto status = catalog.statuses().at(1);
    EXPECT_EQ(status.state, SourceState::refused);
    EXPECT_EQ(status.error,
              "b:3:24: 10.96.0.1:80/tcp is already an address of service \"x\" at a:2:24; give each service an address or a port "
              "of its own");
}

TEST(Catalog, RefusesTheFileThatCameLaterWhateverItsName) {
    Catalog catalog;
    apply(catalog, reading("b", item("x", 1)));
    apply(catalog, reading("a", item("x", 2)));
    EXPECT_THAT(refused(catalog), ElementsAre("file:a"));
}

TEST(Catalog, KnowsWhichFilesToTryAgain) {
    Catalog catalog;
    apply(catalog, reading("a", item("x", 1)), reading("b", item("x", 2)), reading("c", item("y", 3)));
    EXPECT_THAT(catalog.blocked_by({"a"}), ElementsAre("b"));
    EXPECT_THAT(catalog.blocked_by({"c"}), IsEmpty());
    EXPECT_THAT(catalog.blockers_of({"b"}), ElementsAre("a"));
    EXPECT_THAT(catalog.worth_another_look(), IsEmpty());

    catalog.apply({}, {"c"});
    EXPECT_THAT(catalog.worth_another_look(), ElementsAre("b"));
    catalog.apply({}, {"a"});
    apply(catalog, reading("b", item("x", 2)));
    EXPECT_THAT(refused(catalog), IsEmpty());
    EXPECT_EQ(source_of(catalog, "x"), "file:b");
}

TEST(Catalog, LetsServicesMoveBetweenFilesInOneStep) {
    Catalog catalog;
    apply(catalog, reading("a", item("x", 1)), reading("b", item("y", 2)));
    catalog.take_change();
    apply(catalog, reading("a", item("y", 2)), reading("b", item("x", 1)));
    const auto change = catalog.take_change();
    EXPECT_THAT(names(change), ElementsAre("x", "y"));
    EXPECT_THAT(change.remove, IsEmpty());
    EXPECT_EQ(source_of(catalog, "x"), "file:b");
    EXPECT_THAT(refused(catalog), IsEmpty());
}

// "a" comes first and asks for what "z" has: "z" keeps it, and its other change is taken.
TEST(Catalog, DoesNotLetANewContentTakeWhatAnotherFileKeeps) {
    Catalog catalog;
    apply(catalog, reading("a", item("w", 9)), reading("z", item("x", 1)));
    apply(catalog, reading("a", item("x", 5)), reading("z", item("x", 1, 7)));
    EXPECT_THAT(refused(catalog), ElementsAre("file:a"));
    EXPECT_EQ(catalog.statuses().at(0).error.substr(0, 54), "a:2:12: service \"x\" is already defined at z:2:12; give");
    EXPECT_EQ(weight_of(catalog, "x"), 7);
    EXPECT_EQ(weight_of(catalog, "w"), 1);
}

// "a" takes over "x" from "b", whose new content is refused because of "c": then "b" keeps "x" and "a" must wait.
TEST(Catalog, FallsBackTogether) {
    Catalog catalog;
    apply(catalog, reading("a", item("w", 9)), reading("b", item("x", 1)), reading("c", item("y", 2)));
    apply(catalog, reading("a", item("x", 1)), reading("b", item("y", 3)));
    EXPECT_THAT(refused(catalog), ElementsAre("file:a", "file:b"));
    EXPECT_EQ(source_of(catalog, "x"), "file:b");
    EXPECT_EQ(source_of(catalog, "w"), "file:a");
    EXPECT_THAT(catalog.blocked_by({"c"}), ElementsAre("a", "b"));

    apply(catalog, reading("c", item("v", 4)), reading("a", item("x", 1)), reading("b", item("y", 3)));
    EXPECT_THAT(refused(catalog), IsEmpty());
    EXPECT_EQ(source_of(catalog, "x"), "file:a");
    EXPECT_EQ(source_of(catalog, "y"), "file:b");
}

Reading rules(const std::string& path, const std::string& text) {
    return {path, config::parse_registry_file("policies:\n" + text, path)};
}

TEST(Catalog, RulesOfARefusedFileStayAndThoseOfAGoneOneGo) {
    Catalog catalog;
    const auto names = [&] {
        std::vector<std::string> result;
        for (const auto& rule : catalog.rules()) result.push_back(rule.name + " of " + rule.source);
        return result;
    };
    apply(catalog, rules("b", "  - {name: x, action: deny}\n"), rules("a", "  - {name: y, action: deny}\n"));
    EXPECT_TRUE(catalog.take_change().rules_changed);
    EXPECT_THAT(names(), ElementsAre("y of file:a", "x of file:b"));
    apply(catalog, rules("b", "  - {name: x, action: zzz}\n"));
    EXPECT_FALSE(catalog.take_change().rules_changed);
    EXPECT_THAT(names(), ElementsAre("y of file:a", "x of file:b"));
    apply(catalog, rules("b", "  - {name: x, action: allow}\n"));
    EXPECT_TRUE(catalog.take_change().rules_changed);
    catalog.apply({}, {"a"});
    EXPECT_TRUE(catalog.take_change().rules_changed);
    EXPECT_THAT(names(), ElementsAre("x of file:b"));
}

TEST(Catalog, NamesFilesWhoseRulesNobodyKnows) {
    Catalog catalog;
    apply(catalog, rules("a", "  - {name: y, action: deny}\n"), rules("b", "  - {name: x, action: zzz}\n"));
    catalog.take_change();
    EXPECT_THAT(catalog.unread(), ElementsAre("file:b"));
    apply(catalog, rules("a", "  - {name: y, action: zzz}\n"));  // its last good content is known
    EXPECT_FALSE(catalog.take_change().rules_changed);
    EXPECT_THAT(catalog.unread(), ElementsAre("file:b"));
    apply(catalog, rules("b", "  []\n"));
    EXPECT_TRUE(catalog.take_change().rules_changed);
    EXPECT_THAT(catalog.unread(), IsEmpty());
    apply(catalog, rules("c", "  - {name: x, action: zzz}\n"));
    EXPECT_FALSE(catalog.take_change().rules_changed);
    EXPECT_THAT(catalog.unread(), ElementsAre("file:c"));
    catalog.apply({}, {"c"});
    EXPECT_TRUE(catalog.take_change().rules_changed);
    EXPECT_THAT(catalog.unread(), IsEmpty());
}

TEST(Catalog, TellsWhenAStatusDiffers) {
    Catalog catalog;
    apply(catalog, reading("a", item("x", 1)));
    EXPECT_TRUE(catalog.take_status_changed());
    apply(catalog, reading("a", item("x", 1, 3)));
    EXPECT_FALSE(catalog.take_status_changed());
    apply(catalog, reading("a", item("x", 1) + item("y", 2)));
    EXPECT_TRUE(catalog.take_status_changed());
    const auto since = catalog.statuses().at(0).since;
    apply(catalog, reading("a", "  - {}\n"));
    EXPECT_TRUE(catalog.take_status_changed());
    EXPECT_GE(catalog.statuses().at(0).since, since);
    apply(catalog, reading("a", "  - {}\n"));
    EXPECT_FALSE(catalog.take_status_changed());
}

Reading settings(const std::string& path, const std::string& service, int affinity) {
    return {path, config::parse_registry_file(
                      "service_settings: [{service: " + service + ", affinity: " + std::to_string(affinity) + "s}]", path)};
}

TEST(Catalog, TellsSettingsThatDiffer) {
    Catalog catalog;
    apply(catalog, settings("a", "web", 1), settings("b", "mail", 2));
    auto change = catalog.take_change();
    ASSERT_EQ(change.settings.size(), 2U);
    EXPECT_EQ(change.settings.at("web")->source, "file:a");
    apply(catalog, settings("a", "web", 1), settings("b", "mail", 3));
    change = catalog.take_change();
    ASSERT_EQ(change.settings.size(), 1U);
    EXPECT_EQ(change.settings.at("mail")->affinity_s, 3U);
    catalog.apply({}, {"a"});
    change = catalog.take_change();
    EXPECT_EQ(change.settings.at("web"), nullptr);
    EXPECT_FALSE(change.empty());
    EXPECT_EQ(catalog.settings().size(), 1U);
}

TEST(Catalog, RefusesSettingsThatAnotherFileGives) {
    Catalog catalog;
    apply(catalog, settings("a", "web", 1));
    apply(catalog, settings("b", "web", 2));
    EXPECT_THAT(refused(catalog), ElementsAre("file:b"));
    EXPECT_NE(catalog.statuses()[1].error.find("already given at a:1:"), std::string::npos) << catalog.statuses()[1].error;
    EXPECT_EQ(catalog.settings().at("web")->affinity_s, 1U);
    apply(catalog, settings("a", "mail", 1), settings("b", "web", 2));
    EXPECT_THAT(refused(catalog), IsEmpty());
    EXPECT_EQ(catalog.settings().at("web")->affinity_s, 2U);
}

TEST(Catalog, MovesSettingsBetweenFiles) {
    Catalog catalog;
    apply(catalog, settings("a", "web", 1));
    (void)catalog.take_change();
    catalog.apply({settings("b", "web", 1)}, {"a"});
    const auto change = catalog.take_change();
    EXPECT_EQ(change.settings.at("web")->source, "file:b");
}

}  // namespace
}  // namespace meshd::registry
