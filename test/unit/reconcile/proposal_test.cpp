// SPDX-License-Identifier: Apache-2.0
#include "reconcile/proposal.hpp"

#include <gmock/gmock.h>

#include "unit/reconcile/builders.hpp"

namespace meshd::reconcile {
namespace {

using testing::ElementsAre;

Services services_of(std::initializer_list<std::pair<model::Service, const char*>> rows) {
    Services all;
    for (const auto& [service, source] : rows) {
        auto one = service;
        one.source = source;
        all[one.name] = shared(one);
    }
    return all;
}

std::vector<std::string> names(const std::vector<model::ServicePtr>& services) {
    std::vector<std::string> result;
    for (const auto& one : services) result.push_back(one->name);
    return result;
}

const Services now = services_of({{service("web", "10.96.0.1", {backend("10.0.0.1:80")}), "file:/web.yaml + consul:dc1"},
                                  {service("old", "10.96.0.2", {}), "file:/old.yaml"},
                                  {service("pods", "10.96.0.3", {}), "kubernetes:kubernetes"},
                                  {service("found", "10.96.0.4", {}), ""}});

TEST(Proposal, KeepsWhatOtherRegistriesSay) {
    EXPECT_THAT(names(beside_other_registries({service("web", "10.96.0.1", {})}, {}, true, now)), ElementsAre("web", "pods"));
    EXPECT_THAT(names(beside_other_registries({service("web", "10.96.0.1", {})}, {}, false, now)), ElementsAre("web"));
    EXPECT_THAT(names(beside_other_registries({service("pods", "10.96.0.9", {})}, {}, true, now)), ElementsAre("pods"))
        << "a file may have a service of the same name";
}

TEST(Proposal, KeepsBackendsThatAreAskedFor) {
    const auto asked = beside_other_registries({service("web", "10.96.0.1", {})}, {"web", "new"}, true, now);
    EXPECT_THAT(asked.front()->ports.front().backends, ElementsAre(backend("10.0.0.1:80")));
    const auto listed = beside_other_registries({service("web", "10.96.0.1", {backend("10.0.0.2:80")})}, {}, true, now);
    EXPECT_THAT(listed.front()->ports.front().backends, ElementsAre(backend("10.0.0.2:80")));
}

TEST(Proposal, KeepsBackendsOfTheSamePortsOnly) {
    auto moved = service("web", "10.96.0.1", {});
    moved.ports.front().number = 81;
    EXPECT_TRUE(beside_other_registries({moved}, {"web"}, true, now).front()->ports.front().backends.empty());
}

}  // namespace
}  // namespace meshd::reconcile
