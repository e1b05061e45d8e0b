// SPDX-License-Identifier: Apache-2.0
#include "model/announcement_json.hpp"

#include <functional>

#include <gtest/gtest.h>
#include <boost/json.hpp>

namespace meshd::model {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

Announcement sample() {
    Announcement one;
    one.name = "web";
    one.registry = "dc1";
    one.endpoint = *base::SocketAddress::parse("[fd00::5]:8080");
    one.weight = 7;
    one.labels = {{"version", "v2"}};
    one.tags = {"a", "b"};
    one.virtual_address = {*base::SocketAddress::parse("10.96.0.10:80"), base::Protocol::udp};
    one.probe.emplace().type = ProbeType::http;
    one.ttl = 1h;
    return one;
}

TEST(AnnouncementJson, ReadsBackWhatItWrote) {
    Announcement plain;
    plain.name = "web";
    plain.registry = "consul";
    plain.endpoint = *base::SocketAddress::parse("10.0.0.5:80");
    for (const auto& one : {sample(), plain}) {
        const auto text = json::serialize(to_json(one));
        const auto again = announcement_from_json(json::parse(text), "it");
        ASSERT_TRUE(again) << again.error().message();
        EXPECT_EQ(*again, one) << text;
    }
}

TEST(AnnouncementJson, HasAnIdOfItsOwn) { EXPECT_EQ(sample().id(), "dc1/web/[fd00::5]:8080"); }

TEST(AnnouncementJson, NamesTheMemberThatIsWrong) {
    const struct {
        const char* expected;
        std::function<void(json::object&)> spoil;
    } rows[] = {
        {"it.name", [](auto& one) { one["name"] = "a/b"; }},
        {"it.name", [](auto& one) { one.erase("name"); }},
        {"it.registry", [](auto& one) { one["registry"] = ""; }},
        {"it.endpoint", [](auto& one) { one["endpoint"] = "10.0.0.5:0"; }},
        {"it.weight", [](auto& one) { one["weight"] = 0; }},
        {"it.weight", [](auto& one) { one["weight"] = 1001; }},
        {"it.tags", [](auto& one) { one["tags"] = json::array{1}; }},
        {"it.ttl_ms", [](auto& one) { one["ttl_ms"] = 4999; }},
        {"it.ttl_ms", [](auto& one) { one["ttl_ms"] = 3'600'001; }},
        {"it.virtual.address", [](auto& one) { one["virtual"].as_object()["address"] = "10.96.0.10"; }},
        {"it.virtual.protocol", [](auto& one) { one["virtual"].as_object()["protocol"] = "sctp"; }},
        {"it.labels", [](auto& one) { one["labels"] = 1; }},
        {"it.health.probe.type", [](auto& one) { one["health"].as_object()["probe"].as_object()["type"] = "icmp"; }},
    };
    for (const auto& row : rows) {
        auto one = to_json(sample());
        row.spoil(one);
        const auto read = announcement_from_json(one, "it");
        ASSERT_FALSE(read) << row.expected;
        EXPECT_EQ(read.error().object, row.expected) << read.error().message();
    }
    EXPECT_FALSE(announcement_from_json(nullptr, "it"));
}

}  // namespace
}  // namespace meshd::model
