// SPDX-License-Identifier: Apache-2.0
#include "telemetry/exposition.hpp"

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "telemetry/process.hpp"

namespace meshd::telemetry {
namespace {

std::string family(const std::string& rest) { return R"({"families":[{"name":"meshd_x","help":"h",)" + rest + "}]}"; }

base::Result<Exposition> convert(const std::string& text) { return from_json(boost::json::parse(text).as_object()); }

std::string text_of(const std::string& form) {
    const auto exposition = convert(form);
    if (!exposition) return exposition.error().message();
    if (!exposition->refused.empty()) return exposition->refused[0].message();
    return to_text(exposition->families);
}

TEST(Exposition, WritesGaugesAndCounters) {
    EXPECT_EQ(text_of(R"({"families":[
        {"name":"meshd_services","help":"Services.","kind":"gauge","samples":[{"labels":{},"value":3}]},
        {"name":"meshd_connects_total","help":"Connects.","kind":"counter","samples":[
            {"labels":{"service":"web","outcome":"ok"},"value":12345678901},{"labels":{"service":"db","outcome":"ok"},"value":0.5}]}]})"),
              "# HELP meshd_services Services.\n"
              "# TYPE meshd_services gauge\n"
              "meshd_services 3\n"
              "# HELP meshd_connects_total Connects.\n"
              "# TYPE meshd_connects_total counter\n"
              "meshd_connects_total{outcome=\"ok\",service=\"web\"} 12345678901\n"
              "meshd_connects_total{outcome=\"ok\",service=\"db\"} 0.5\n");
}

TEST(Exposition, WritesHistogramsWithTheLastBucket) {
    EXPECT_EQ(
        text_of(family(R"("kind":"histogram","samples":[{"labels":{"a":"b"},"count":5,"sum":1.5,"buckets":[[0.1,2],[1,4]]}])")),
        "# HELP meshd_x h\n"
        "# TYPE meshd_x histogram\n"
        "meshd_x_count{a=\"b\"} 5\n"
        "meshd_x_sum{a=\"b\"} 1.5\n"
        "meshd_x_bucket{a=\"b\",le=\"0.1\"} 2\n"
        "meshd_x_bucket{a=\"b\",le=\"1\"} 4\n"
        "meshd_x_bucket{a=\"b\",le=\"+Inf\"} 5\n");
}

TEST(Exposition, EscapesWhatWouldBreakALine) {
    EXPECT_EQ(
        text_of(
            R"({"families":[{"name":"m","help":"a\nb\\c","kind":"gauge","samples":[{"labels":{"l":"x\n\"y\"\\"},"value":1}]}]})"),
        "# HELP m a\\nb\\\\c\n# TYPE m gauge\nm{l=\"x\\n\\\"y\\\"\\\\\"} 1\n");
}

TEST(Exposition, PutsPartsOfAFamilyTogether) {
    const std::string part = R"({"name":"m","help":"h","kind":"gauge","samples":[{"labels":{"l":")";
    EXPECT_EQ(text_of(R"({"families":[)" + part + R"(1"},"value":1}]},{"name":"o","help":"h","kind":"gauge","samples":[]},)" +
                      part + R"(2"},"value":2}]}]})"),
              "# HELP m h\n# TYPE m gauge\nm{l=\"1\"} 1\nm{l=\"2\"} 2\n# HELP o h\n# TYPE o gauge\n");
}

TEST(Exposition, NamesWhatIsWrong) {
    const auto samples = [](const std::string& sample) { return family(R"("kind":"counter","samples":[)" + sample + "]"); };
    const auto histogram = [](const std::string& rest) {
        return family(R"("kind":"histogram","samples":[{"labels":{},"count":3,)" + rest + "}]");
    };
    const struct {
        std::string form;
        std::string expected;
    } cases[] = {
        {"{}", "families: expected an array"},
        {R"({"families":[1]})", "families[0]: expected an object"},
        {R"({"families":[{}]})", "families[0].name: expected a metric name"},
        {R"({"families":[{"name":"9lives"}]})", "families[0].name: expected a metric name"},
        {R"({"families":[{"name":"a b"}]})", "families[0].name: expected a metric name"},
        {R"({"families":[{"name":"a"}]})", "a.help: expected text"},
        {family(R"("kind":"summary")"), "meshd_x.kind: expected gauge, counter or histogram"},
        {family(R"("kind":"gauge")"), "meshd_x.samples: expected an array"},
        {samples("1"), "meshd_x.samples[0]: expected an object"},
        {samples(R"({"value":1})"), "meshd_x.samples[0].labels: expected an object"},
        {samples(R"({"labels":{"a-b":"c"},"value":1})"), "meshd_x.samples[0].labels: expected label names, not 'a-b'"},
        {samples(R"({"labels":{"__a":"c"},"value":1})"), "meshd_x.samples[0].labels: expected label names, not '__a'"},
        {samples(R"({"labels":{"":"c"},"value":1})"), "meshd_x.samples[0].labels: expected label names, not ''"},
        {samples(R"({"labels":{"a":1},"value":1})"), "meshd_x.samples[0].labels.a: expected text"},
        {samples(R"({"labels":{}})"), "meshd_x.samples[0].value: expected a number"},
        {samples(R"({"labels":{},"value":"1"})"), "meshd_x.samples[0].value: expected a number"},
        {samples(R"({"labels":{},"value":-1})"), "meshd_x.samples[0].value: expected a counter that is not below 0"},
        {samples(R"({"labels":{"a":"1","b":"2"},"value":1},{"labels":{"b":"2","a":"1"},"value":1})"),
         "meshd_x.samples: expected each series once, {a=\"1\",b=\"2\"} is there twice"},
        {family(R"("kind":"histogram","samples":[{"labels":{"le":"1"}}])"),
         "meshd_x.samples[0].labels: expected no 'le', which the buckets have"},
        {family(R"("kind":"histogram","samples":[{"labels":{},"count":-1}])"),
         "meshd_x.samples[0].count: expected a whole number from 0 up"},
        {histogram(R"("x":1)"), "meshd_x.samples[0].sum: expected a number"},
        {histogram(R"("sum":1)"), "meshd_x.samples[0].buckets: expected an array"},
        {histogram(R"("sum":1,"buckets":[1])"), "meshd_x.samples[0].buckets[0]: expected [upper bound, cumulative count]"},
        {histogram(R"("sum":1,"buckets":[[1,-1]])"), "meshd_x.samples[0].buckets[0]: expected [upper bound, cumulative count]"},
        {histogram(R"("sum":1,"buckets":[[1,1],[1,2]])"), "meshd_x.samples[0].buckets[1]: expected rising bounds"},
        {histogram(R"("sum":1,"buckets":[[1,2],[2,1]])"), "meshd_x.samples[0].buckets[1]: expected counts that do not fall"},
        {histogram(R"("sum":1,"buckets":[[1,4]])"), "meshd_x.samples[0].buckets[0]: expected no more than the count of all"},
    };
    for (const auto& item : cases) EXPECT_EQ(text_of(item.form), "cannot read metrics at " + item.expected);
}

TEST(Exposition, AFamilyThatIsWrongCostsOnlyItself) {
    const auto exposition = convert(R"({"families":[
        {"name":"a","help":"","kind":"gauge","samples":[{"labels":{},"value":1}]},
        {"name":"b","help":"","kind":"gauge","samples":[{"labels":{},"value":1}]},
        {"name":"b","help":"","kind":"counter","samples":[]},
        {"name":"c","help":"","kind":"gauge","samples":[{"labels":{},"value":1}]},
        {"name":"c","help":"","kind":"gauge","samples":[{}]},
        {"name":"d","help":"","kind":"gauge","samples":[{"labels":{},"value":1}]}]})");
    ASSERT_TRUE(exposition);
    ASSERT_EQ(exposition->families.size(), 2U);
    EXPECT_EQ(exposition->families[0].name, "a");
    EXPECT_EQ(exposition->families[1].name, "d");
    EXPECT_EQ(exposition->refused.size(), 2U);
}

TEST(ProcessFamilies, AreOfThisProcess) {
    const auto families = process_families("meshd_worker");
    ASSERT_EQ(families.size(), 3U);
    EXPECT_EQ(families[0].name, "meshd_worker_resident_memory_bytes");
    EXPECT_GT(families[0].metric.at(0).gauge.value, 1e6);
    EXPECT_EQ(families[1].name, "meshd_worker_cpu_seconds_total");
    EXPECT_EQ(families[2].name, "meshd_worker_start_time_seconds");
    EXPECT_NEAR(families[2].metric.at(0).gauge.value, static_cast<double>(std::time(nullptr)), 3600);
}

}  // namespace
}  // namespace meshd::telemetry
