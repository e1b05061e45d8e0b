// SPDX-License-Identifier: Apache-2.0
#include "model/registries_json.hpp"

#include <functional>

#include <gtest/gtest.h>
#include <boost/json.hpp>

namespace meshd::model {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

Registries sample() {
    const ServerAccess access{"/etc/token", "/etc/ca.pem", "/etc/own.pem", "/etc/own.key", "consul.example"};
    Registries all;
    all.consul = {{"dc1", "https://consul:8501", access, "dc2", "team", ConsulReads::stale, false, "meshd/"},
                  {"dc3", "http://[::1]:8500", {}, "", "", ConsulReads::consistent, true, ""}};
    all.etcd = {{"etcd", {"https://a:2379", "https://b:2379"}, access, "root", "/etc/password", "/services/"}};
    all.kubernetes = {{"kubernetes", "", "", ""}, {"other", "/root/.kube/config", "west", "n1"}};
    all.dns = {{*base::SocketAddress::parse("127.0.0.1:53"), *base::SocketAddress::parse("[::1]:5353")}, 500ms, 90s};
    all.order = {"files", "dc1"};
    all.hold = {100, 1500ms};
    all.resync = 1h;
    return all;
}

TEST(RegistriesJson, ReadsBackWhatItWrote) {
    for (const auto& registries : {sample(), Registries{}}) {
        const auto text = json::serialize(to_json(registries));
        const auto again = registries_from_json(json::parse(text));
        ASSERT_TRUE(again) << again.error().message();
        EXPECT_EQ(*again, registries) << text;
    }
}

json::object& first(json::object& registries, std::string_view kind) { return registries.at(kind).as_array().at(0).as_object(); }

TEST(RegistriesJson, NamesTheMemberThatIsWrong) {
    const struct {
        const char* expected;
        std::function<void(json::object&)> spoil;
    } rows[] = {
        {"registries.consul", [](auto& all) { all["consul"] = 1; }},
        {"registries.consul[1].", [](auto& all) { all["consul"].as_array()[1] = "x"; }},
        {"registries.consul[0].name", [](auto& all) { first(all, "consul")["name"] = ""; }},
        {"registries.consul[0].url", [](auto& all) { first(all, "consul")["url"] = "consul:8500"; }},
        {"registries.consul[0].url", [](auto& all) { first(all, "consul")["url"] = "http://consul/"; }},
        {"registries.consul[0].access.", [](auto& all) { first(all, "consul").erase("access"); }},
        {"registries.consul[0].access.ca", [](auto& all) { first(all, "consul")["access"].as_object()["ca"] = "ca.pem"; }},
        {"registries.consul[0].access.key", [](auto& all) { first(all, "consul")["access"].as_object()["key"] = ""; }},
        {"registries.consul[0].reads", [](auto& all) { first(all, "consul")["reads"] = "fresh"; }},
        {"registries.consul[0].discover", [](auto& all) { first(all, "consul")["discover"] = "yes"; }},
        {"registries.etcd[0].endpoints", [](auto& all) { first(all, "etcd")["endpoints"] = json::array{}; }},
        {"registries.etcd[0].endpoints", [](auto& all) { first(all, "etcd")["endpoints"] = json::array{1}; }},
        {"registries.etcd[0].password_file", [](auto& all) { first(all, "etcd")["password_file"] = "pw"; }},
        {"registries.etcd[0].prefix", [](auto& all) { first(all, "etcd")["prefix"] = ""; }},
        {"registries.kubernetes[0].kubeconfig", [](auto& all) { first(all, "kubernetes")["kubeconfig"] = "config"; }},
        {"registries.kubernetes[0].node", [](auto& all) { first(all, "kubernetes").erase("node"); }},
        {"registries.dns.servers", [](auto& all) { all["dns"].as_object()["servers"] = json::array{"127.0.0.1"}; }},
        {"registries.dns.least_ttl_ms", [](auto& all) { all["dns"].as_object()["least_ttl_ms"] = 0; }},
        {"registries.dns.most_ttl_ms", [](auto& all) { all["dns"].as_object()["most_ttl_ms"] = 499; }},
        {"registries.order", [](auto& all) { all["order"] = json::array{nullptr}; }},
        {"registries.hold.share", [](auto& all) { all["hold"].as_object()["share"] = 101; }},
        {"registries.hold.time_ms", [](auto& all) { all["hold"].as_object()["time_ms"] = "5s"; }},
        {"registries.resync_ms", [](auto& all) { all.erase("resync_ms"); }},
    };
    for (const auto& row : rows) {
        auto all = to_json(sample());
        row.spoil(all);
        const auto read = registries_from_json(all);
        ASSERT_FALSE(read) << row.expected;
        EXPECT_EQ(read.error().object, row.expected) << read.error().message();
    }
    EXPECT_FALSE(registries_from_json(nullptr));
}

}  // namespace
}  // namespace meshd::model
