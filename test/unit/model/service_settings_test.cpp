// SPDX-License-Identifier: Apache-2.0
#include "model/service_settings.hpp"

#include <gmock/gmock.h>

#include "model/misfit.hpp"

namespace meshd::model {
namespace {

using testing::HasSubstr;

Service web() {
    Service service;
    service.name = "shop/web";
    service.source = "kubernetes:kubernetes/shop/web";
    service.ports.emplace_back();
    service.ports[0].number = 80;
    service.ports[0].backends.emplace_back();
    service.ports[0].backends[0].endpoint = *base::SocketAddress::parse("10.0.0.1:8080");
    return service;
}

ServiceSettings settings() {
    ServiceSettings settings;
    settings.service = "shop/web";
    settings.source = "file:/a.yaml";
    settings.place = "/a.yaml:2:14";
    return settings;
}

std::string refusal(const Service& service, const ServiceSettings& given) {
    const auto merged = with_settings(service, given);
    return merged ? "accepted" : merged.error().message();
}

TEST(ServiceSettings, StandAboveWhatTheServiceSays) {
    auto service = web();
    service.balancing = Balancing::weighted;
    service.limits = {100, 10, 20};
    service.drain.deadline_s = 60;
    service.health.panic_percent = 10;
    auto given = settings();
    given.balancing.slow_start_ms = 5000;
    given.balancing.locality = Nearness{Near::zone, 40, 7};
    given.limits.rate = {50, 60};
    given.drain.unhealthy = DrainSockets::close;
    given.health.probe.emplace();
    given.when_no_backend = WhenNoBackend::unreachable;
    given.acceleration = Acceleration::off;
    given.forward = Forward::nat;
    given.affinity_s = 30;
    given.subsets = {{"old", {{"version", "v1"}}, 5}};
    const auto merged = with_settings(service, given);
    ASSERT_TRUE(merged) << merged.error().message();
    EXPECT_EQ(merged->balancing, Balancing::weighted);
    EXPECT_EQ(merged->balancing_options.slow_start_ms, 5000U);
    EXPECT_EQ(merged->balancing_options.prefer, Near::zone);
    EXPECT_EQ(merged->balancing_options.spill_below_percent, 40U);
    EXPECT_EQ(merged->balancing_options.spill_open, 7U);
    EXPECT_EQ(merged->limits, (Limits{100, 50, 60}));
    EXPECT_EQ(merged->drain, (Drain{60, DrainSockets::close, DrainSockets::close}));
    EXPECT_TRUE(merged->health.probe);
    EXPECT_FALSE(merged->health.eject);
    EXPECT_EQ(merged->health.panic_percent, 10U);
    EXPECT_EQ(merged->when_no_backend, WhenNoBackend::unreachable);
    EXPECT_EQ(merged->acceleration, Acceleration::off);
    EXPECT_EQ(merged->forward, Forward::nat);
    EXPECT_EQ(merged->affinity_s, 30U);
    EXPECT_EQ(merged->subsets.size(), 1U);
    EXPECT_EQ(merged->ports, service.ports);
    EXPECT_EQ(merged->source, "kubernetes:kubernetes/shop/web + file:/a.yaml");
}

TEST(ServiceSettings, ThatSayNothingChangeNothing) {
    auto service = web();
    service.balancing = Balancing::maglev;
    service.balancing_options.hash = HashBy::workload;
    service.drain.sockets = DrainSockets::keep;
    auto merged = with_settings(service, settings());
    ASSERT_TRUE(merged);
    merged->source = service.source;
    EXPECT_EQ(*merged, service);
}

TEST(ServiceSettings, MakeUsualWhatMeansNothingBesideThem) {
    auto service = web();
    service.balancing = Balancing::latency;
    service.balancing_options.failure_penalty_ms = 7;
    service.balancing_options.prefer = Near::node;
    service.balancing_options.spill_open = 9;
    service.drain = {60, DrainSockets::close, DrainSockets::close};
    auto given = settings();
    given.balancing.policy = Balancing::maglev;
    given.drain.sockets = DrainSockets::keep;
    const auto merged = with_settings(service, given);
    ASSERT_TRUE(merged) << merged.error().message();
    EXPECT_EQ(merged->balancing_options.failure_penalty_ms, BalancingOptions{}.failure_penalty_ms);
    EXPECT_EQ(merged->balancing_options.spill_open, 0U);
    EXPECT_EQ(merged->balancing_options.prefer, Near::node);
    EXPECT_EQ(merged->drain, (Drain{0, DrainSockets::keep, DrainSockets::keep}));

    service = web();
    service.balancing = Balancing::maglev;
    service.balancing_options.hash = HashBy::workload;
    given = settings();
    given.balancing.policy = Balancing::random;
    EXPECT_EQ(with_settings(service, given)->balancing_options.hash, HashBy::source);
}

TEST(ServiceSettings, AreRefusedWhereTheirKeysMeanNothingBesideTheService) {
    auto given = settings();
    given.balancing.failure_penalty_ms = 5;
    EXPECT_EQ(
        refusal(web(), given),
        "cannot accept /a.yaml:2:14: together with service \"shop/web\" of kubernetes:kubernetes/shop/web, \"failure_penalty\" "
        "means nothing without \"policy: latency\"; write \"policy: latency\", or remove \"failure_penalty\"");
    auto service = web();
    service.balancing = Balancing::latency;
    EXPECT_EQ(refusal(service, given), "accepted");

    given = settings();
    given.balancing.hash = HashBy::workload;
    EXPECT_THAT(refusal(web(), given), HasSubstr("\"hash\" means nothing without \"policy: maglev\" or \"affinity\""));
    service.balancing_options.affinity_s = 10;
    EXPECT_EQ(refusal(service, given), "accepted");
    given.balancing.hash = HashBy::connection;
    EXPECT_THAT(refusal(service, given), HasSubstr("\"affinity\" cannot be kept by \"hash: connection\""));

    given = settings();
    given.balancing.locality = Nearness{Near::zone, 70, 5};
    service = web();
    service.balancing = Balancing::maglev;
    EXPECT_THAT(refusal(service, given), HasSubstr("\"spill_open\" means nothing with \"policy: maglev\""));

    given = settings();
    given.drain.deadline_s = 5;
    service = web();
    service.drain.sockets = DrainSockets::keep;
    EXPECT_THAT(refusal(service, given), HasSubstr("\"deadline\" says when sockets are closed"));
}

TEST(ServiceSettings, CannotLetBackendsAnswerDirectlyThatDoNot) {
    auto given = settings();
    given.forward = Forward::dsr;
    auto service = web();
    EXPECT_THAT(refusal(service, given), HasSubstr("backend 10.0.0.1:8080 must have the service's port 80"));
    service.ports[0].backends[0].endpoint.port = 80;
    EXPECT_EQ(refusal(service, given), "accepted");
    service.ports[0].node_port = 30080;
    EXPECT_THAT(refusal(service, given), HasSubstr("\"forward: dsr\" and a \"node_port\""));
}

TEST(ServiceSettings, CanBeTakenOverFromAnotherService) {
    auto before = web();
    before.balancing = Balancing::maglev;
    before.balancing_options.slow_start_ms = 9000;
    before.limits = {1, 2, 3};
    before.ports.clear();
    const auto merged = with_settings_of(before, "etcd:etcd/meshd/web", web());
    EXPECT_EQ(merged.balancing, Balancing::maglev);
    EXPECT_EQ(merged.balancing_options.slow_start_ms, 9000U);
    EXPECT_EQ(merged.limits, before.limits);
    EXPECT_EQ(merged.ports, web().ports);
    EXPECT_EQ(merged.source, "kubernetes:kubernetes/shop/web + etcd:etcd/meshd/web");
}

TEST(SourceParts, AreTheServicesItsSettingsAndWhoAnswers) {
    const auto joined = [](std::string_view source) {
        const auto parts = source_parts(source);
        return parts.service + "|" + parts.settings + "|" + parts.answerer;
    };
    EXPECT_EQ(joined("file:/a.yaml"), "file:/a.yaml||");
    EXPECT_EQ(joined("file:/a.yaml + consul:dc1"), "file:/a.yaml||consul:dc1");
    EXPECT_EQ(joined("file:/a.yaml + dns"), "file:/a.yaml||dns");
    EXPECT_EQ(joined("kubernetes:k/shop/web + etcd:etcd/meshd/web"), "kubernetes:k/shop/web|etcd:etcd/meshd/web|");
    EXPECT_EQ(joined("file:/a.yaml + file:/b.yaml + consul:dc1"), "file:/a.yaml|file:/b.yaml|consul:dc1");
    EXPECT_EQ(joined("file:/a.yaml + file:/b + c/d.yaml"), "file:/a.yaml|file:/b + c/d.yaml|");
    EXPECT_EQ(joined(""), "||");
}

}  // namespace
}  // namespace meshd::model
