// SPDX-License-Identifier: Apache-2.0
// What meshd.yaml may not say of exporters of flows, and the exact words of each refusal.
#include <gtest/gtest.h>

#include "config/settings_file.hpp"
#include "refusals.hpp"

namespace meshd::config {
namespace {

std::string log(const std::string& inner) { return "flows:\n  log: {" + inner + "}\n"; }
std::string otlp(const std::string& inner) { return "flows:\n  otlp: {" + inner + "}\n"; }

TEST(FlowLog, MayBeOffOrGoToStdout) {
    EXPECT_EQ(parse_settings(log("file: stdout"), "f")->flow_export.log.file, "stdout");
    EXPECT_FALSE(parse_settings(log("file: off"), "f")->flow_export.log.enabled());
    EXPECT_FALSE(parse_settings("flows: {log: {sample: 0.5}}", "f")->flow_export.log.enabled());
}

TEST(FlowSample, IsAnyShare) {
    for (const auto& [text, share] : {std::pair("0", 0.0), std::pair("1", 1.0), std::pair("1.0", 1.0), std::pair("0.01", 0.01)})
        EXPECT_EQ(parse_settings(log(std::string("sample: ") + text), "f")->flow_export.log.choice.sample, share) << text;
}

TEST(OtlpEndpoint, IsAnAddressOfHttp) {
    for (const auto* const good : {"http://127.0.0.1:4318", "https://[::1]:4318", "http://collector", "https://a-b.c_d:1/x/y"})
        EXPECT_EQ(parse_settings(otlp(std::string("endpoint: \"") + good + "\""), "f")->flow_export.otlp.endpoint, good);
    EXPECT_FALSE(parse_settings(otlp("endpoint: off"), "f")->flow_export.otlp.enabled());
    for (const auto* const bad :
         {"127.0.0.1:4318", "ftp://x", "http://", "http://:4318", "http://x:0", "http://x:65536", "http://x:4318x", "http://[::1",
          "http://[10.0.0.1]", "http://user@x", "http://x/a b", "http://x/?a", "http://x#a", "http:/x", "HTTP://x"})
        EXPECT_FALSE(parse_settings(otlp(std::string("endpoint: \"") + bad + "\""), "f")) << bad;
}

const Refusal table[] = {
    {"UnknownKey", "flows: {logs: {}}\n",
     "1:9: unknown key \"logs\" in \"flows\", expected enabled, devices, response_time, log or otlp; did you mean \"log\"?"},
    {"LogIsAPath", "flows: {log: /x}\n", "1:14: \"log\" must be a mapping, found \"/x\""},
    {"LogIsNothing", "flows:\n  log:\n",
     "2:3: \"log\" must be a mapping, found nothing; remove the key or put something into it"},
    {"FileIsRelative", log("file: flows.jsonl"), "2:15: \"file\" must be off, stdout or an absolute path, found \"flows.jsonl\""},
    {"EventsAreAWord", log("events: closed"), "2:17: \"events\" must be a list of opened, closed or refused, found \"closed\""},
    {"EventsAreNone", log("events: []"), "2:17: \"events\" must name at least one of opened, closed or refused"},
    {"UnknownEvent", log("events: [open]"),
     "2:18: an event must be opened, closed or refused, found \"open\"; did you mean \"opened\"?"},
    {"EventTwice", log("events: [closed, closed]"), "2:26: event \"closed\" is given twice"},
    {"SampleAboveOne", log("sample: 1.5"), "2:17: \"sample\" must be a number from 0 to 1, found 1.5"},
    {"SampleBelowNothing", log("sample: -0.1"), "2:17: \"sample\" must be a number from 0 to 1, found -0.1"},
    {"SampleIsNoNumber", log("sample: .nan"), "2:17: \"sample\" must be a number from 0 to 1, found .nan"},
    {"SampleInPercent", log("sample: 10%"), "2:17: \"sample\" must be a number from 0 to 1, found \"10%\""},
    {"SampleInQuotes", log("sample: \"0.5\""), "2:17: \"sample\" must be a number from 0 to 1, found \"0.5\"; remove the quotes"},
    {"RotateSizeWithoutUnit", log("rotate: {size: 100}"),
     "2:24: \"size\" must be a size from 64KiB to 1024GiB (units: KiB, MiB, GiB), found 100; write a unit behind the number"},
    {"RotateSizeTooSmall", log("rotate: {size: 63KiB}"),
     "2:24: \"size\" must be a size from 64KiB to 1024GiB (units: KiB, MiB, GiB), found \"63KiB\""},
    {"RotateKeepsNone", log("rotate: {keep: 0}"), "2:24: \"keep\" must be a number from 1 to 1000, found 0"},
    {"EndpointWithoutScheme", otlp("endpoint: \"127.0.0.1:4318\""),
     "2:20: \"endpoint\" must be off or an address such as http://127.0.0.1:4318, found \"127.0.0.1:4318\""},
    {"EndpointWithThePath", otlp("endpoint: \"http://x:4318/v1/logs\""),
     "2:20: \"endpoint\" must be the address before /v1/logs, which is put behind it; remove /v1/logs"},
    {"HeadersAreAList", otlp("headers: [a]"), "2:19: \"headers\" must be a mapping from names to texts, found a list"},
    {"HeaderNameWithASpace", otlp("headers: {\"a b\": c}"), "2:20: \"a b\" is no name of an HTTP header"},
    {"HeaderOfTheExporter", otlp("headers: {content-TYPE: text/plain}"),
     "2:20: header \"content-TYPE\" is set by the exporter itself; remove it"},
    {"HeaderValueIsANumber", otlp("headers: {X-Secret: 1234}"),
     "2:30: the value of header \"X-Secret\" must be text of printable ASCII; write it in quotes"},
    {"HeaderValueWithALineFeed", otlp("headers: {X-Secret: \"12\\n34\"}"),
     "2:30: the value of header \"X-Secret\" must be text of printable ASCII; write it in quotes"},
    {"CaIsRelative", otlp("ca: ca.pem"), "2:14: \"ca\" must be an absolute path, found \"ca.pem\""},
    {"BatchTooLarge", otlp("batch: {records: 8193}"), "2:27: \"records\" must be a number from 1 to 8192, found 8193"},
    {"BatchTooSeldom", otlp("batch: {interval: 6m}"),
     "2:28: \"interval\" must be a time from 100ms to 5m (units: ms, s, m, h), found \"6m\""},
    {"QueueIsNone", otlp("queue: 0"), "2:17: \"queue\" must be a number from 1 to 1048576, found 0"},
};

INSTANTIATE_TEST_SUITE_P(Flow, SettingsRefusal, testing::ValuesIn(table), name_of);

}  // namespace
}  // namespace meshd::config
