// SPDX-License-Identifier: Apache-2.0
// What a service says about probes of its backends.
#include <gtest/gtest.h>

#include "config/registry_file.hpp"
#include "refusals.hpp"

namespace meshd::config {
namespace {

std::string with_probe(const std::string& probe) { return service({.extra = "    health: {probe: {" + probe + "}}\n"}); }

model::Health read_health(const std::string& text) {
    const auto services = parse_services(text, "web.yaml");
    EXPECT_TRUE(services) << services.error().message();
    if (!services || !services->front().health.probe) {
        ADD_FAILURE() << "no health";
        return {};
    }
    return services->front().health;
}

model::Probe read(const std::string& text) { return read_health(text).probe.value_or(model::Probe{}); }

TEST(Health, IsAbsentUnlessItIsWritten) {
    const auto services = parse_services(service({}), "web.yaml");
    ASSERT_TRUE(services);
    EXPECT_EQ(services->front().health, model::Health{});
}

TEST(Health, HasDefaults) { EXPECT_EQ(read(with_probe("type: tcp")), model::Probe{}); }

TEST(Health, TakesEveryKeyOfHttp) {
    const auto probe =
        read(with_probe("type: http, path: /healthz, host: shop.example, status: [200-299, 304], body: ok, port: 8081, "
                        "interval: 10s, timeout: 2s, jitter: 0.25, healthy: 4, unhealthy: 5, initial: unhealthy"));
    model::Probe expected;
    expected.type = model::ProbeType::http;
    expected.path = "/healthz";
    expected.host = "shop.example";
    expected.status = {{200, 299}, {304, 304}};
    expected.body = "ok";
    expected.port = 8081;
    expected.interval_ms = 10000;
    expected.timeout_ms = 2000;
    expected.jitter_permille = 250;
    expected.healthy = 4;
    expected.unhealthy = 5;
    expected.initially_healthy = false;
    EXPECT_EQ(probe, expected);
}

TEST(Health, TakesTheOtherTypes) {
    EXPECT_EQ(read(with_probe("type: https, ca: /ca.pem")).ca, "/ca.pem");
    EXPECT_EQ(read(with_probe("type: http2")).type, model::ProbeType::http2);
    const auto grpc = read(with_probe("type: grpc, tls: true, ca: /ca.pem, service: shop.Web"));
    EXPECT_TRUE(grpc.tls);
    EXPECT_EQ(grpc.service, "shop.Web");
    const auto command = read(with_probe(R"(type: exec, command: [/usr/lib/check, "{address}", "{port}"])")).command;
    EXPECT_EQ(command, (std::vector<std::string>{"/usr/lib/check", "{address}", "{port}"}));
}

TEST(Health, TimeoutIsNeverLongerThanTheInterval) { EXPECT_EQ(read(with_probe("type: tcp, interval: 500ms")).timeout_ms, 500U); }

TEST(Health, TakesThePanicThreshold) {
    EXPECT_EQ(read_health(service({.extra = "    health: {probe: {type: tcp}, panic: 0%}\n"})).panic_percent, 0);
    EXPECT_EQ(read_health(service({.extra = "    health: {probe: {type: tcp}, panic: 100%}\n"})).panic_percent, 100);
}

const Refusal table[] = {
    {"HealthIsText", service({.extra = "    health: tcp\n"}), "5:13: \"health\" must be a mapping, found \"tcp\""},
    {"UnknownKey", service({.extra = "    health: {probes: {type: tcp}}\n"}),
     "5:14: unknown key \"probes\" in \"health\", expected probe, eject or panic; did you mean \"probe\"?"},
    {"PanicWithoutASign", service({.extra = "    health: {probe: {type: tcp}, panic: 50}\n"}),
     "5:41: \"panic\" must be a share of the backends from 0% to 100%, found 50; write % behind the number"},
    {"PanicTooLarge", service({.extra = "    health: {probe: {type: tcp}, panic: 101%}\n"}),
     "5:41: \"panic\" must be a share of the backends from 0% to 100%, found \"101%\""},
    {"NoType", with_probe("interval: 5s"), "5:21: \"probe\" needs the key \"type\""},
    {"UnknownType", with_probe("type: grcp"),
     "5:28: \"type\" must be tcp, http, http2, https, grpc or exec, found \"grcp\"; did you mean \"grpc\"?"},
    {"PathOfTcp", with_probe("type: tcp, path: /"),
     "5:39: \"path\" belongs to a probe of type http, http2 or https; remove it, or change \"type\""},
    {"AuthorityWithoutTls", with_probe("type: grpc, ca: /ca.pem"),
     "5:38: \"ca\" belongs to a probe of type https, or grpc with \"tls: true\"; remove it, or change \"type\""},
    {"CommandOfHttp", with_probe("type: http, command: [/a]"),
     "5:43: \"command\" belongs to a probe of type exec; remove it, or change \"type\""},
    {"RelativePath", with_probe("type: http, path: healthz"),
     "5:40: \"path\" must be a path that begins with \"/\", found \"healthz\""},
    {"PathWithASpace", with_probe("type: http, path: \"/a b\""),
     "5:40: \"path\" must be letters, digits and signs without spaces, found \"/a b\"; write other characters as %XX"},
    {"StatusIsNone", with_probe("type: http, status: [2xx]"),
     "5:43: a status must be a status from 100 to 599, or a range such as 200-299, found \"2xx\""},
    {"StatusBackwards", with_probe("type: http, status: [299-200]"),
     "5:43: a status must be a status from 100 to 599, or a range such as 200-299, found \"299-200\""},
    {"NoStatus", with_probe("type: http, status: []"), "5:42: \"status\" must have 1 to 32 statuses, found 0"},
    {"RelativeAuthority", with_probe("type: https, ca: ca.pem"),
     "5:39: \"ca\" must be the absolute path of a file of certificates, found \"ca.pem\""},
    {"ExecWithoutACommand", with_probe("type: exec"), "5:21: \"probe\" needs the key \"command\""},
    {"CommandByName", with_probe("type: exec, command: [check]"),
     "5:44: the first word of \"command\" must be an absolute path, since no shell looks for it, found \"check\""},
    {"IntervalTooShort", with_probe("type: tcp, interval: 50ms"),
     "5:43: \"interval\" must be a time from 100ms to 1h (units: ms, s, m, h), found \"50ms\""},
    {"TimeoutLongerThanTheInterval", with_probe("type: tcp, interval: 1s, timeout: 2s"),
     "5:56: \"timeout\" is longer than \"interval\"; give the probe less time, or begin it less often"},
    {"JitterTooLarge", with_probe("type: tcp, jitter: 0.6"),
     "5:41: \"jitter\" must be a share of the interval from 0 to 0.5, found 0.6"},
    {"NoSuccessNeeded", with_probe("type: tcp, healthy: 0"), "5:42: \"healthy\" must be a number from 1 to 100, found 0"},
    {"AnotherBeginning", with_probe("type: tcp, initial: unknown"),
     "5:42: \"initial\" must be healthy or unhealthy, found \"unknown\""},
    {"PortZero", with_probe("type: tcp, port: 0"), "5:39: \"port\" must be a number from 1 to 65535, found 0"},
};

INSTANTIATE_TEST_SUITE_P(Health, RegistryRefusal, testing::ValuesIn(table), name_of);

}  // namespace
}  // namespace meshd::config
