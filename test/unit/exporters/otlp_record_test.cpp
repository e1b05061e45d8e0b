// SPDX-License-Identifier: Apache-2.0
// The encoding, value by value. That the form is the specification's own is checked against its definitions, end to end.
#include "exporters/otlp_record.hpp"

#include <map>

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "exporters/backoff.hpp"

namespace meshd::exporters {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

json::object event() {
    return json::parse(R"({"protocol":"tcp","client":"192.0.2.7:41234","server":"[fd00::11]:8080","service":"shop/web",
        "asked":"10.96.0.10:80","state":"closed","source":"client","cgroup":"/shop.service","pod":"shop/web-0","device":"","age_ms":61250,
        "bytes_out":52310,"bytes_in":9123411,"short_out":0,"short_in":0,"packets_out":812,"packets_in":6410,"connect_us":213,
        "rtt_us":187,"min_rtt_us":0,"response_us":0,"retransmits":2,"id":"00f0000000000001","event":"ended","reason":"",
        "time":"2026-03-01T13:02:08.123456Z"})")
        .as_object();
}

json::object record_of(const json::object& event) { return json::parse(otlp_record(event)).as_object(); }

std::map<std::string, json::value> attributes_of(const json::object& record) {
    std::map<std::string, json::value> all;
    for (const auto& one : record.at("attributes").as_array()) {
        const auto& value = one.at("value").as_object();
        EXPECT_EQ(value.size(), 1U);
        EXPECT_TRUE(all.emplace(std::string(one.at("key").as_string()), value.begin()->value()).second) << one;
    }
    return all;
}

TEST(OtlpRecord, TellsWhenAndWhat) {
    const auto record = record_of(event());
    EXPECT_EQ(record.at("timeUnixNano"), "1772370128123456000");
    EXPECT_EQ(record.at("severityNumber"), 9);
    EXPECT_EQ(record.at("severityText"), "INFO");
    EXPECT_EQ(record.at("eventName"), "meshd.flow.ended");
    EXPECT_EQ(record.at("body").at("stringValue"), "ended tcp 192.0.2.7:41234 -> [fd00::11]:8080 shop/web");
}

TEST(OtlpRecord, UsesTheNamesOfTheConventions) {
    const auto attributes = attributes_of(record_of(event()));
    const std::map<std::string, json::value> expected{{"network.transport", "tcp"},
                                                      {"network.type", "ipv6"},
                                                      {"source.address", "192.0.2.7"},
                                                      {"source.port", "41234"},
                                                      {"destination.address", "fd00::11"},
                                                      {"destination.port", "8080"},
                                                      {"process.linux.cgroup", "/shop.service"},
                                                      {"k8s.namespace.name", "shop"},
                                                      {"k8s.pod.name", "web-0"},
                                                      {"meshd.flow.id", "00f0000000000001"},
                                                      {"meshd.flow.event", "ended"},
                                                      {"meshd.flow.state", "closed"},
                                                      {"meshd.flow.source", "client"},
                                                      {"meshd.service.name", "shop/web"},
                                                      {"meshd.service.address", "10.96.0.10"},
                                                      {"meshd.service.port", "80"},
                                                      {"meshd.flow.age_ms", "61250"},
                                                      {"meshd.flow.bytes_out", "52310"},
                                                      {"meshd.flow.bytes_in", "9123411"},
                                                      {"meshd.flow.short_out", "0"},
                                                      {"meshd.flow.short_in", "0"},
                                                      {"meshd.flow.packets_out", "812"},
                                                      {"meshd.flow.packets_in", "6410"},
                                                      {"meshd.flow.retransmits", "2"},
                                                      {"meshd.flow.connect_us", "213"},
                                                      {"meshd.flow.rtt_us", "187"}};
    EXPECT_EQ(attributes, expected);
}

TEST(OtlpRecord, WarnsOfWhatWentWrong) {
    auto reset = event();
    reset["state"] = "reset";
    EXPECT_EQ(attributes_of(record_of(reset)).at("error.type"), "reset");
    EXPECT_EQ(record_of(reset).at("severityText"), "WARN");

    auto refused = event();
    refused["event"] = "refused";
    refused["state"] = "failed";
    refused["reason"] = "no_backend";
    refused["client"] = "";
    const auto attributes = attributes_of(record_of(refused));
    EXPECT_EQ(attributes.at("error.type"), "no_backend");
    EXPECT_FALSE(attributes.contains("source.address"));
    EXPECT_FALSE(attributes.contains("meshd.flow.bytes_out"));

    auto aged = event();
    aged["reason"] = "aged_out";
    EXPECT_FALSE(attributes_of(record_of(aged)).contains("error.type"));
    EXPECT_EQ(attributes_of(record_of(aged)).at("meshd.flow.reason"), "aged_out");
}

TEST(OtlpRecord, MakesDoWithAnEventOfAnotherForm) {
    const auto record = record_of({{"event", 7}, {"time", "yesterday"}, {"bytes_out", "many"}});
    EXPECT_EQ(record.at("timeUnixNano"), record.at("observedTimeUnixNano"));
}

TEST(OtlpRequest, HasResourceScopeAndRecords) {
    const std::vector<std::string> records{R"({"a":1})", R"({"b":2})"};
    const auto request = json::parse(otlp_request(otlp_head("node-1"), records));
    const auto& logs = request.at("resourceLogs").at(0);
    EXPECT_EQ(logs.at("resource").at("attributes").at(0),
              json::parse(R"({"key":"service.name","value":{"stringValue":"meshd"}})"));
    EXPECT_EQ(logs.at("resource").at("attributes").at(2), json::parse(R"({"key":"host.name","value":{"stringValue":"node-1"}})"));
    EXPECT_EQ(logs.at("scopeLogs").at(0).at("logRecords"), json::parse(R"([{"a":1},{"b":2}])"));
}

TEST(OtlpRejected, ReadsPartialSuccessAndNothingElse) {
    EXPECT_EQ(otlp_rejected(R"({"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"too old"}})").records, 3U);
    EXPECT_EQ(otlp_rejected(R"({"partialSuccess":{"rejectedLogRecords":3,"errorMessage":"too old"}})").why, "too old");
    for (const auto* const none :
         {"", "{}", "garbage", "[]", R"({"partialSuccess":{}})", R"({"partialSuccess":7})", "{\"partialSuccess\":"})
        EXPECT_EQ(otlp_rejected(none).records, 0U) << none;
}

TEST(Backoff, DoublesUpToABound) {
    Backoff backoff;
    for (const auto expected : {1000, 2000, 4000, 8000, 16000, 30000, 30000})
        EXPECT_EQ(backoff.next(std::nullopt, 0.5).count(), expected);
    backoff.reset();
    EXPECT_EQ(backoff.next(std::nullopt, 0).count(), 750);
    EXPECT_EQ(backoff.next(std::nullopt, 1).count(), 2500);
}

TEST(Backoff, DoesAsItIsAskedWithinReason) {
    Backoff backoff;
    EXPECT_EQ(backoff.next(7s, 0.9), 7s);
    EXPECT_EQ(backoff.next(86400s, 0.9), 300s);
}

}  // namespace
}  // namespace meshd::exporters
