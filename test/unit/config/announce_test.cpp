// SPDX-License-Identifier: Apache-2.0
// What meshd.yaml says of services of this host, what it may not say, and the exact words of each refusal.
#include <gtest/gtest.h>

#include "config/settings_file.hpp"
#include "refusals.hpp"

namespace meshd::config {
namespace {

using namespace std::chrono_literals;

const std::string consul = "registry: {consul: {url: \"http://c\"}}\n";
const std::string etcd = "registry: {etcd: {endpoints: [\"http://e\"]}}\n";
const std::string both = "registry: {consul: {url: \"http://c\"}, etcd: {endpoints: [\"http://e\"]}}\n";

std::string announce(const std::string& inner, const std::string& registries = consul) {
    return registries + "announce:\n  - {" + inner + "}\n";
}
const std::string web = "name: web, address: 10.0.0.5, port: 8080";

std::vector<model::Announcement> parsed(const std::string& text) {
    const auto settings = parse_settings(text, "meshd.yaml");
    EXPECT_TRUE(settings.has_value()) << settings.error().message();
    return settings.value_or(Settings{}).announcements;
}

TEST(Announce, IsReadFromEveryKey) {
    const auto found = parsed(both + R"(
announce:
  - name: web
    registry: consul
    address: 10.0.0.5
    port: 8080
    weight: 7
    labels: {version: v2}
    tags: [canary, a]
    virtual: {address: 10.96.0.10, port: 80, protocol: udp}
    probe: {type: http, path: /healthz, interval: 1s}
    ttl: 1h
  - {name: web, registry: etcd, address: "::1", port: 8080}
)");
    ASSERT_EQ(found.size(), 2U);
    model::Announcement first;
    first.name = "web";
    first.registry = "consul";
    first.endpoint = *base::SocketAddress::parse("10.0.0.5:8080");
    first.weight = 7;
    first.labels = {{"version", "v2"}};
    first.tags = {"a", "canary"};
    first.virtual_address = {*base::SocketAddress::parse("10.96.0.10:80"), base::Protocol::udp};
    auto& probe = first.probe.emplace();
    probe.type = model::ProbeType::http;
    probe.path = "/healthz";
    probe.interval_ms = 1000;
    first.ttl = 1h;
    EXPECT_EQ(found[0], first);
    model::Announcement second;
    second.name = "web";
    second.registry = "etcd";
    second.endpoint = *base::SocketAddress::parse("[::1]:8080");
    EXPECT_EQ(found[1], second);
}

TEST(Announce, TakesTheOnlyRegistryThereIs) {
    EXPECT_EQ(parsed(announce(web)).at(0).registry, "consul");
    EXPECT_EQ(parsed(announce(web, etcd)).at(0).registry, "etcd");
}

const Refusal table[] = {
    {"AnnounceNobody", announce(web, ""),
     "2:5: nobody can be told of this service: there is no Consul and no etcd registry; write registry.consul or registry.etcd"},
    {"AnnounceWhichRegistry", announce(web, both),
     "3:5: an announcement needs the key \"registry\", since there are several; write consul or etcd"},
    {"AnnounceUnknownRegistry", announce(web + ", registry: consal"),
     "3:58: \"registry\" must be consul, found \"consal\"; did you mean \"consul\"?"},
    {"AnnounceWithoutAnAddress", announce("name: web, port: 80"),
     "3:5: an announcement needs the key \"address\"; write the address of this host that others connect to"},
    {"AnnounceAnyAddress", announce("name: web, address: 0.0.0.0, port: 80"),
     "3:26: \"address\" must be a unicast address, found \"0.0.0.0\""},
    {"AnnounceWithoutAPort", announce("name: web, address: 10.0.0.5"), "3:5: an announcement needs the key \"port\""},
    {"AnnounceNameWithASlash", announce("name: shop/web, address: 10.0.0.5, port: 80"),
     "3:12: \"name\" must be at most 127 letters, digits, \".\", \"-\" and \"_\", with a letter or a digit at both ends, found "
     "\"shop/web\""},
    {"AnnounceWeightOfNothing", announce(web + ", weight: 0"), "3:56: \"weight\" must be a number from 1 to 1000, found 0"},
    {"AnnounceShortTtl", announce(web + ", ttl: 1s"),
     "3:53: \"ttl\" must be a time from 5s to 1h (units: ms, s, m, h), found \"1s\""},
    {"AnnounceTagsInEtcd", announce(web + ", tags: [a]", etcd),
     "3:54: \"tags\" is for Consul, and \"etcd\" is an etcd registry; write \"labels\""},
    {"AnnounceVirtualInEtcd", announce(web + ", virtual: {address: 10.96.0.1, port: 80}", etcd),
     "3:57: \"virtual\" is for Consul, and \"etcd\" is an etcd registry; write a registry file that has \"backends_from\""},
    {"AnnounceProbeWithoutAType", announce(web + ", probe: {port: 80}"), "3:55: \"probe\" needs the key \"type\""},
    {"AnnounceTwice", announce(web) + "  - {" + web + "}\n",
     "4:5: service \"web\" at 10.0.0.5:8080 is announced twice, first in line 3"},
    {"AnnounceUnknownKey", announce(web + ", zzz: a"),
     "3:48: unknown key \"zzz\" in an announcement, expected name, registry, address, port, weight, labels, tags, virtual, "
     "probe "
     "or ttl"},
};

INSTANTIATE_TEST_SUITE_P(Announce, SettingsRefusal, testing::ValuesIn(table), name_of);

}  // namespace
}  // namespace meshd::config
