// SPDX-License-Identifier: Apache-2.0
#include "model/service_json.hpp"

#include <gtest/gtest.h>
#include <boost/json.hpp>

namespace meshd::model {
namespace {

namespace json = boost::json;

Service sample() {
    Service service;
    service.name = "shop/web";
    service.addresses = {*base::IpAddress::parse("10.96.0.10"), *base::IpAddress::parse("fd00:96::10")};
    service.balancing = Balancing::weighted;
    service.when_no_backend = WhenNoBackend::unreachable;
    service.source = "file:/etc/meshd/services.d/web.yaml";
    ServicePort http{"http", 80, base::Protocol::tcp, {}};
    http.backends.push_back({{*base::IpAddress::parse("10.0.0.1"), 8080}, 3, BackendState::ready, "zone-a"});
    http.backends.push_back({{*base::IpAddress::parse("fd00::1"), 8080}, 0, BackendState::drain, {}});
    service.ports = {http, {"dns", 53, base::Protocol::udp, {}}};
    return service;
}

TEST(ServiceJson, ReadsBackWhatItWrote) {
    const auto again = service_from_json(to_json(sample()));
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_EQ(*again, sample());
}

TEST(ServiceJson, CarriesWhatARegistrySaysOfABackendsHealth) {
    auto service = sample();
    service.ports[0].backends[0].state = BackendState::unhealthy;
    const auto again = service_from_json(to_json(service));
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_EQ(again->ports[0].backends[0].state, BackendState::unhealthy);
}

TEST(ServiceJson, DoesNotTellWhereBackendsComeFrom) {
    auto service = sample();
    service.backends_from = BackendsFrom{BackendsFrom::Kind::dns, "", "db.example", {}, ""};
    service.target_ports = {80, 53};
    EXPECT_EQ(to_json(service), to_json(sample()));
}

TEST(ServiceJson, ReadsBackEveryAcceleration) {
    const std::pair<Acceleration, const char*> forms[] = {{Acceleration::named, R"("on")"},
                                                          {Acceleration::off, R"("off")"},
                                                          {Acceleration::fionread_accepted, R"({"fionread":"accept"})"}};
    for (const auto& [acceleration, form] : forms) {
        auto service = sample();
        service.acceleration = acceleration;
        const auto json = to_json(service);
        EXPECT_EQ(json::serialize(json.at("acceleration")), form);
        const auto again = service_from_json(json);
        ASSERT_TRUE(again) << again.error().message();
        EXPECT_EQ(*again, service);
    }
}

TEST(ServiceJson, DoesNotWriteAnAutomaticAccelerationAndReadsItByName) {
    auto json = to_json(sample());
    EXPECT_FALSE(json.contains("acceleration"));
    json["acceleration"] = "auto";
    const auto again = service_from_json(json);
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_EQ(*again, sample());
}

TEST(ServiceJson, ReadsBackItsHealth) {
    auto service = sample();
    EXPECT_FALSE(to_json(service).contains("health"));
    auto& health = service.health;
    for (const auto type :
         {ProbeType::tcp, ProbeType::http, ProbeType::http2, ProbeType::https, ProbeType::grpc, ProbeType::exec}) {
        health = {};
        health.panic_percent = 10;
        auto& probe = health.probe.emplace();
        probe.type = type;
        probe.path = "/healthz";
        probe.host = "shop.example";
        probe.status = {{200, 204}, {304, 304}};
        probe.body = "\"ok\"";
        probe.ca = "/ca.pem";
        probe.tls = true;
        probe.service = "shop.Web";
        if (type == ProbeType::exec) probe.command = {"/check", "{address}"};
        probe.port = 8081;
        probe.interval_ms = 700;
        probe.timeout_ms = 600;
        probe.jitter_permille = 0;
        probe.healthy = 5;
        probe.unhealthy = 1;
        probe.initially_healthy = false;
        const auto again = service_from_json(to_json(service));
        ASSERT_TRUE(again) << again.error().message();
        EXPECT_EQ(*again, service);
    }
}

TEST(ServiceJson, RefusesAHealthThatNoFileCouldSay) {
    const std::pair<const char*, json::value> changes[] = {{"type", "icmp"},
                                                           {"interval_ms", 1},
                                                           {"timeout_ms", 5001},
                                                           {"path", "x"},
                                                           {"status", json::array{}},
                                                           {"status", json::array{"2xx"}},
                                                           {"jitter_permille", 501},
                                                           {"healthy", 0},
                                                           {"command", json::array{"/check"}},
                                                           {"port", 65536},
                                                           {"tls", 1},
                                                           {"host", json::string(1025, 'x')}};
    for (const auto& [key, value] : changes) {
        auto service = sample();
        service.health.probe.emplace();
        auto form = to_json(service);
        form["health"].as_object()["probe"].as_object()[key] = value;
        const auto read = service_from_json(form);
        ASSERT_FALSE(read) << key;
        EXPECT_NE(read.error().object.find(std::string("shop/web.health.probe.") + key), std::string::npos)
            << read.error().message();
    }
}

TEST(ServiceJson, ReadsBackHowBackendsAreChosen) {
    auto service = sample();
    EXPECT_FALSE(to_json(service).contains("balancing_options") || to_json(service).contains("subsets"));
    service.balancing = Balancing::latency;
    service.balancing_options = {250, HashBy::workload, 30000, 60, Near::zone, 50, 7};
    service.subsets = {{"stable", {{"version", "v1"}}, 95}, {"none", {{"version", "v0"}, {"arch", "arm"}}, 0}};
    service.ports.front().backends.front().labels = {{"version", "v1"}};
    const auto again = service_from_json(to_json(service));
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_EQ(*again, service);
}

TEST(ServiceJson, RefusesOptionsOutOfTheirRanges) {
    auto service = sample();
    service.balancing_options.slow_start_ms = 1;
    service.subsets = {{"stable", {{"version", "v1"}}, 95}};
    const auto good = to_json(service);
    const std::pair<const char*, const char*> changes[] = {{"/balancing_options", "7"},
                                                           {"/balancing_options/slow_start_ms", "-1"},
                                                           {"/balancing_options/slow_start_ms", "3600001"},
                                                           {"/balancing_options/slow_start_ms", "18446744073709551615"},
                                                           {"/subsets", "{}"},
                                                           {"/subsets/0/labels", "{}"},
                                                           {"/subsets/0/weight", "1001"},
                                                           {"/subsets/0/name", "\"\""},
                                                           {"/subsets/0/labels/version", "1"}};
    for (const auto& [pointer, value] : changes) {
        json::value changed = good;
        boost::system::error_code ignored;
        *changed.find_pointer(pointer, ignored) = json::parse(value);
        EXPECT_FALSE(service_from_json(changed)) << pointer << " " << value;
    }
}

TEST(ServiceJson, ReadsBackHowItIsForwardedTo) {
    auto service = sample();
    EXPECT_FALSE(to_json(service).contains("forward") || to_json(service).contains("affinity_s"));
    service.forward = Forward::nat;
    service.affinity_s = 1800;
    service.ports[0].node_port = 30080;
    const auto again = service_from_json(to_json(service));
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_EQ(*again, service);
}

TEST(ServiceJson, RefusesWhatCannotBeForwardedTo) {
    const auto refused = [](std::string_view key, const json::value& value, std::string_view where) {
        auto json = to_json(sample());
        json[key] = value;
        const auto result = service_from_json(json);
        ASSERT_FALSE(result) << key << " " << value;
        EXPECT_EQ(result.error().object, where);
    };
    refused("forward", "snat", "shop/web.forward");
    refused("forward", 1, "shop/web.forward");
    refused("forward", "dsr", "shop/web.forward");  // the backends have other ports
    refused("affinity_s", 86401, "shop/web.affinity_s");
    refused("affinity_s", "1", "shop/web.affinity_s");
    auto twice = to_json(sample());
    for (auto& port : twice["ports"].as_array()) {
        port.as_object()["node_port"] = 30080;
        port.as_object()["protocol"] = "tcp";
    }
    EXPECT_EQ(service_from_json(twice).error().object, "shop/web.ports[1].node_port");
}

TEST(ServiceJson, ReadsBackWhatBecomesOfItsSockets) {
    for (const auto& drain : {Drain{}, Drain{60, DrainSockets::close}, Drain{0, DrainSockets::keep},
                              Drain{5, DrainSockets::close, DrainSockets::close}}) {
        auto service = sample();
        service.drain = drain;
        EXPECT_EQ(to_json(service).contains("drain"), drain != Drain{});
        const auto again = service_from_json(to_json(service));
        ASSERT_TRUE(again) << again.error().message();
        EXPECT_EQ(*again, service);
    }
}

TEST(ServiceJson, ReadsBackWhatEjectsItsBackends) {
    auto service = sample();
    EXPECT_FALSE(to_json(service).contains("health"));
    service.health.eject = Ejection{0, 20, 1000, 60000, 34};
    service.health.panic_percent = 0;
    const auto again = service_from_json(to_json(service));
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_EQ(*again, service);
    auto object = to_json(service);
    object["health"].as_object()["eject"].as_object()["longest_ms"] = 999;
    EXPECT_EQ(service_from_json(object).error().object, "shop/web.health.eject.longest_ms") << "shorter than the first";
    object = to_json(service);
    object["health"].as_object()["panic_percent"] = 101;
    EXPECT_EQ(service_from_json(object).error().object, "shop/web.health.panic_percent");
}

TEST(ServiceJson, RefusesADrainThatCannotBe) {
    const std::pair<json::value, const char*> table[] = {
        {"close", "shop/web.drain"},
        {{{"sockets", "close"}}, "shop/web.drain.deadline_s"},
        {{{"deadline_s", 604801}, {"sockets", "close"}}, "shop/web.drain.deadline_s"},
        {{{"deadline_s", -1}, {"sockets", "close"}}, "shop/web.drain.deadline_s"},
        {{{"deadline_s", 0}}, "shop/web.drain.sockets"},
        {{{"deadline_s", 0}, {"sockets", "reset"}}, "shop/web.drain.sockets"},
        {{{"deadline_s", 1}, {"sockets", "keep"}}, "shop/web.drain.sockets"},
        {{{"deadline_s", 1}, {"sockets", "close"}, {"unhealthy", "kill"}}, "shop/web.drain.unhealthy"},
        {{{"deadline_s", 0}, {"sockets", "keep"}, {"unhealthy", "close"}}, "shop/web.drain.unhealthy"},
    };
    for (const auto& [value, where] : table) {
        auto object = to_json(sample());
        object["drain"] = value;
        const auto result = service_from_json(object);
        ASSERT_FALSE(result) << value;
        EXPECT_EQ(result.error().object, where) << value;
    }
}

class ServiceJsonRefusesAcceleration : public testing::TestWithParam<const char*> {};

TEST_P(ServiceJsonRefusesAcceleration, AndNamesTheField) {
    auto json = to_json(sample());
    json["acceleration"] = json::parse(GetParam());
    const auto result = service_from_json(json);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message(),
              R"(cannot read service from JSON at shop/web.acceleration: expected auto, on, off or {"fionread":"accept"})");
}

INSTANTIATE_TEST_SUITE_P(Values, ServiceJsonRefusesAcceleration,
                         testing::Values("true", "null", "1", R"("On")", R"("named")", "{}", R"({"fionread":"on"})",
                                         R"({"fionread":"accept","more":1})", R"(["on"])"));

struct Broken {
    const char* pointer;   // RFC 6901
    const char* value;     // JSON; null: remove
    const char* expected;  // part of the message
};

class ServiceJsonRefuses : public testing::TestWithParam<Broken> {};

TEST_P(ServiceJsonRefuses, AndNamesTheField) {
    json::value value = to_json(sample());
    *value.find_pointer(GetParam().pointer, *std::make_unique<boost::system::error_code>()) = json::parse(GetParam().value);
    const auto result = service_from_json(value);
    ASSERT_FALSE(result) << GetParam().pointer;
    EXPECT_NE(result.error().message().find(GetParam().expected), std::string::npos) << result.error().message();
}

INSTANTIATE_TEST_SUITE_P(
    Fields, ServiceJsonRefuses,
    testing::Values(Broken{"/name", "\"\"", "name"}, Broken{"/name", "7", "name"},
                    Broken{"/addresses", "[]", "shop/web.addresses"}, Broken{"/addresses/0", "\"10.0.0\"", "addresses[0]"},
                    Broken{"/addresses/1", "\"10.96.0.10\"", "listed twice"}, Broken{"/addresses/0", "\"0.0.0.0\"", "unicast"},
                    Broken{"/balancing", "\"best\"", "random, round_robin, weighted, maglev, least_connections or latency"},
                    Broken{"/when_no_backend", "null", "refuse or unreachable"}, Broken{"/ports", "{}", "ports"},
                    Broken{"/ports/0/port", "0", "1 to 65535"}, Broken{"/ports/0/port", "65536", "1 to 65535"},
                    Broken{"/ports/0/port", "80.5", "1 to 65535"},
                    Broken{"/ports/1", "{\"name\":\"x\",\"port\":80,\"protocol\":\"tcp\",\"backends\":[]}", "no other port has"},
                    Broken{"/ports/0/protocol", "\"sctp\"", "tcp or udp"}, Broken{"/ports/0/backends", "null", "backends"},
                    Broken{"/ports/0/backends/0/weight", "1001", "0 to 1000"},
                    Broken{"/ports/0/backends/0/weight", "-1", "0 to 1000"},
                    Broken{"/ports/0/backends/0/address", "\"ff02::1\"", "unicast"},
                    Broken{"/ports/0/backends/0/state", "\"dead\"", "ready, drain, maint or unhealthy"},
                    Broken{"/ports/0/backends/1/address", "\"10.0.0.1\"", "no other backend has"},
                    Broken{"/ports/0/backends/0/locality", "[]", "locality"}));

TEST(ServiceJson, RefusesWhatIsNoObject) { EXPECT_FALSE(service_from_json(json::parse("[1]"))); }

}  // namespace
}  // namespace meshd::model
