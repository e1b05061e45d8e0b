// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "config/registry_file.hpp"
#include "refusals.hpp"

namespace meshd::config {
namespace {

using model::ServiceSettings;

ServiceSettings read(const std::string& keys) {
    const auto file = parse_registry_file("service_settings:\n  - {service: shop/web, " + keys + "}\n", "web.yaml");
    EXPECT_TRUE(file) << keys << ": " << (file ? "" : file.error().message());
    return file && file->settings.size() == 1 ? file->settings.front() : ServiceSettings{};
}

TEST(ServiceSettingsReader, HasOnlyKeysThatAreGiven) {
    ServiceSettings none;
    none.service = "shop/web";
    none.place = "web.yaml:2:15";
    EXPECT_EQ(read("drain: {}"), none);

    auto only = none;
    only.limits.connections = 5;
    EXPECT_EQ(read("limits: {connections: 5}"), only);
    only = none;
    only.limits.rate = {7, 7};
    EXPECT_EQ(read("limits: {rate: 7}"), only);
    only = none;
    only.drain.deadline_s = 0;
    EXPECT_EQ(read("drain: {deadline: none}"), only);
    only = none;
    only.affinity_s = 0;
    EXPECT_EQ(read("affinity: 0"), only);
    only = none;
    only.health.panic_percent = 0;
    EXPECT_EQ(read("health: {panic: 0%}"), only);
    only = none;
    only.balancing.policy = model::Balancing::maglev;
    EXPECT_EQ(read("balancing: maglev"), only);
    EXPECT_EQ(read("balancing: {policy: maglev}"), only);
}

TEST(ServiceSettingsReader, ReadsEveryKeyOfAService) {
    const auto all = read(
        "balancing: {policy: latency, failure_penalty: 2s, slow_start: 1500ms, affinity: 1500ms, hash: workload, locality: "
        "{prefer: "
        "zone, spill_below: 5%, spill_open: 6}}, subsets: [{name: a, labels: {v: v1}}], when_no_backend: unreachable, "
        "acceleration: "
        "off, forward: nat, affinity: 2m, limits: {connections: 1, rate: 2, burst: 3}, drain: {deadline: 5s, sockets: close, "
        "unhealthy: close}, health: {probe: {type: http, path: /up}, eject: {consecutive: 2}, panic: 20%}");
    const model::BalancingSettings balancing{
        model::Balancing::latency, 2000U, model::HashBy::workload, 1500U, 2U, model::Nearness{model::Near::zone, 5, 6}};
    EXPECT_EQ(all.balancing, balancing);
    EXPECT_EQ(all.subsets->size(), 1U);
    EXPECT_EQ(all.when_no_backend, model::WhenNoBackend::unreachable);
    EXPECT_EQ(all.acceleration, model::Acceleration::off);
    EXPECT_EQ(all.forward, model::Forward::nat);
    EXPECT_EQ(all.affinity_s, 120U);
    EXPECT_EQ(all.limits, (model::LimitSettings{1U, model::LimitSettings::Rate{2, 3}}));
    EXPECT_EQ(all.drain, (model::DrainSettings{5U, model::DrainSockets::close, model::DrainSockets::close}));
    EXPECT_EQ(all.health.probe->path, "/up");
    EXPECT_EQ(all.health.eject->consecutive, 2U);
    EXPECT_EQ(all.health.panic_percent, 20U);
}

// What it means nothing beside may be said by the service.
TEST(ServiceSettingsReader, LeavesOpenWhatTheServiceSays) {
    EXPECT_EQ(read("balancing: {failure_penalty: 1s}").balancing.failure_penalty_ms, 1000U);
    EXPECT_EQ(read("balancing: {hash: connection}").balancing.hash, model::HashBy::connection);
    EXPECT_EQ(read("balancing: {policy: random, hash: workload}").balancing.hash, model::HashBy::workload);
    EXPECT_EQ(read("drain: {unhealthy: close}").drain.unhealthy, model::DrainSockets::close);
    EXPECT_EQ(read("forward: dsr").forward, model::Forward::dsr);
}

TEST(ServiceSettingsReader, StandsBesideServicesAndRules) {
    const auto file = parse_registry_file(service({}) + "service_settings: [{service: web, affinity: 1h}]\n", "web.yaml");
    ASSERT_TRUE(file) << file.error().message();
    EXPECT_EQ(file->services.size(), 1U);
    EXPECT_EQ(file->services.front().affinity_s, 0U) << "whoever takes the file applies them";
    EXPECT_EQ(file->settings.size(), 1U);
    EXPECT_EQ(parse_registry_file("service_settings: []\n", "web.yaml")->settings.size(), 0U);
}

std::string settings(const std::string& item) { return "service_settings:\n  - " + item + "\n"; }

const Refusal table[] = {
    {"NoList", "service_settings: {}\n", "1:19: \"service_settings\" must be a list of settings of services, found a mapping"},
    {"NoMapping", settings("web"), "2:5: an item of \"service_settings\" must be a mapping, found \"web\""},
    {"NoService", settings("{affinity: 1h}"), "2:5: an item of \"service_settings\" needs the key \"service\""},
    {"NoName", settings("{service: a b, affinity: 1h}"), "2:15: \"service\" must be the name of a service, found \"a b\""},
    {"NothingBesideTheService", settings("{service: web}"),
     "2:5: an item of \"service_settings\" says nothing beside \"service\"; give one of balancing, subsets, when_no_backend, "
     "acceleration, forward, affinity, limits, drain, health or tls"},
    {"KeyOfAService", settings("{service: web, address: 10.96.0.1}"),
     "2:20: unknown key \"address\" in an item of \"service_settings\", expected service, balancing, subsets, when_no_backend, "
     "acceleration, forward, affinity, limits, drain, health or tls"},
    {"Twice", settings("{service: web, affinity: 1h}\n  - {service: web, forward: nat}"),
     "3:15: settings for service \"web\" are already given at web.yaml:2:15; write all of them in one place"},
    {"PenaltyOfAnotherPolicy", settings("{service: web, balancing: {policy: random, failure_penalty: 1s}}"),
     "2:65: \"failure_penalty\" means nothing without \"policy: latency\"; write \"policy: latency\", or remove "
     "\"failure_penalty\""},
    {"AffinityOfNobody", settings("{service: web, balancing: {affinity: 1m, hash: connection}}"),
     "2:52: \"affinity\" cannot be kept by \"hash: connection\"; write \"source\" or \"workload\""},
    {"DeadlineOfSocketsThatAreKept", settings("{service: web, drain: {sockets: keep, deadline: 5s}}"),
     "2:53: \"deadline\" says when sockets are closed, and \"sockets: keep\" that they never are; remove one of the two"},
    {"BurstWithoutARate", settings("{service: web, limits: {burst: 5}}"),
     "2:36: \"burst\" belongs to \"rate\"; give \"rate\" as well"},
    {"HealthOfNothing", settings("{service: web, health: }"),
     "2:20: \"health\" must be a mapping, found nothing; remove the key or put something into it"},
};
INSTANTIATE_TEST_SUITE_P(ServiceSettingsReader, RegistryRefusal, testing::ValuesIn(table), name_of);

}  // namespace
}  // namespace meshd::config
