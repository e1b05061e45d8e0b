// SPDX-License-Identifier: Apache-2.0
#include "channel/split.hpp"

#include <algorithm>
#include <chrono>

#include <gtest/gtest.h>

#include "channel/channel.hpp"
#include "channel/frame_reader.hpp"
#include "frames.hpp"

namespace meshd::channel {
namespace {

namespace json = boost::json;

std::size_t largest(const std::vector<std::string>& frames) {
    std::size_t size = 0;
    for (const auto& text : frames) size = std::max(size, text.size());
    return size;
}

Delta whole(const std::vector<std::string>& frames) {
    Assembler assembler;
    auto message = receive(assembler, frames);
    EXPECT_TRUE(message) << message.error().message();
    if (!message || !*message) {
        ADD_FAILURE() << "the batch is not whole";
        return {};
    }
    return std::get<Delta>(std::move(**message));
}

TEST(Split, PoliciesComeTogetherAgain) {
    Policies policies;
    policies.complete = true;
    policies.unread = {"file:a \"b\"", "file:c"};
    for (int i = 0; i < 4000; ++i) {
        model::Rule rule;
        rule.name = "rule" + std::to_string(i);
        rule.workload = "/" + std::string(300, 'w');
        policies.rules.push_back(rule);
    }
    std::vector<std::string> frames;
    split_policies(policies, [&](std::string_view frame) { frames.emplace_back(frame); });
    EXPECT_GT(frames.size(), 1U);
    EXPECT_LE(largest(frames), max_frame);
    Assembler assembler;
    auto message = receive(assembler, frames);
    ASSERT_TRUE(message && *message);
    EXPECT_EQ(std::get<Policies>(**message).rules, policies.rules);
    EXPECT_TRUE(std::get<Policies>(**message).complete);
    EXPECT_EQ(std::get<Policies>(**message).unread, policies.unread);
}

TEST(Split, PodsComeTogetherAgain) {
    std::vector<model::Pod> pods;
    for (std::size_t i = 0; i < model::max_pods; ++i) {
        model::Pod pod{"00000000-0000-4000-8000-" + std::to_string(100'000'000'000 + i), "shop", "web", "web", {}};
        for (std::size_t label = 0; label < 8; ++label)
            pod.labels[std::to_string(label) + std::string(300, 'k')] = std::string(63, 'v');
        pods.push_back(std::move(pod));
    }
    Assembler assembler;
    std::size_t frames = 0;
    std::optional<Message> whole;
    split_pods(pods, [&](std::string_view frame) {
        ++frames;
        EXPECT_LE(frame.size(), max_frame);
        auto message = decode(boost::json::parse({frame.data(), frame.size()}).as_object());
        ASSERT_TRUE(message) << message.error().message();
        auto added = assembler.add(std::move(*message));
        ASSERT_TRUE(added) << added.error().message();
        whole = std::move(*added);
    });
    EXPECT_GT(frames, 1U);
    ASSERT_TRUE(whole);
    EXPECT_EQ(std::get<Pods>(*whole).pods, pods);
}

TEST(Split, NoPodsAreOneFrame) {
    std::size_t frames = 0;
    split_pods({}, [&](std::string_view) { ++frames; });
    EXPECT_EQ(frames, 1U);
}

TEST(Split, EventsOfFlowsAreAllThereAndCountedOnce) {
    FlowEvents flows{{}, 5, {1, 2, 3}};
    for (int i = 0; i < 3000; ++i) flows.events.emplace_back(json::object{{"id", i}, {"cgroup", std::string(300, '/')}});
    FlowEvents back;
    std::size_t count = 0;
    split_flows(flows, [&](std::string_view frame) {
        EXPECT_LE(frame.size(), max_frame);
        ++count;
        auto message = decode(json::parse({frame.data(), frame.size()}).as_object());
        ASSERT_TRUE(message) << message.error().message();
        const auto& part = std::get<FlowEvents>(*message);
        for (const auto& event : part.events) back.events.push_back(event);
        back.lost += part.lost;
        for (std::size_t i = 0; i < back.left_out.size(); ++i) back.left_out.at(i) += part.left_out.at(i);
    });
    EXPECT_GT(count, 1U);
    EXPECT_EQ(back.events, flows.events);
    EXPECT_EQ(back.lost, flows.lost);
    EXPECT_EQ(back.left_out, flows.left_out);
}

Delta full_delta() {
    Delta delta;
    delta.sequence = 1;
    delta.full = true;
    delta.complete = true;
    return delta;
}

TEST(SplitDelta, AnEmptyDeltaIsOneFrame) {
    EXPECT_EQ(frames_of(full_delta()),
              std::vector<std::string>{
                  R"({"type":"delta","sequence":1,"full":true,"complete":true,"upsert":[],"remove":[],"last":true})"});
}

TEST(SplitDelta, ASmallDeltaIsOneFrame) {
    auto delta = full_delta();
    delta.upsert = {service("web", 1, 2), service("db", 2, 0)};
    delta.remove = {"a", "b"};
    const auto frames = frames_of(delta);
    ASSERT_EQ(frames.size(), 1U);
    const auto read = whole(frames);
    ASSERT_EQ(read.upsert.size(), 2U);
    EXPECT_EQ(*read.upsert[0], *delta.upsert[0]);
    EXPECT_EQ(*read.upsert[1], *delta.upsert[1]);
    EXPECT_EQ(read.remove, delta.remove);
}

TEST(SplitDelta, ALargeOneIsCutNearTheGoalAndLosesNothing) {
    auto delta = full_delta();
    for (unsigned i = 0; i < 2000; ++i) delta.upsert.push_back(service("svc-" + std::to_string(i), i, 10));
    for (unsigned i = 0; i < 30000; ++i) delta.remove.push_back("gone-" + std::to_string(i));
    const auto frames = frames_of(delta);
    EXPECT_GT(frames.size(), 6U);
    EXPECT_LE(largest(frames), frame_goal + 64);
    const auto read = whole(frames);
    EXPECT_TRUE(std::equal(read.upsert.begin(), read.upsert.end(), delta.upsert.begin(), delta.upsert.end(),
                           [](const auto& a, const auto& b) { return *a == *b; }));
    EXPECT_EQ(read.remove, delta.remove);
    EXPECT_TRUE(read.complete);
}

TEST(SplitDelta, AServiceLargerThanTheGoalHasAFrameOfItsOwn) {
    auto delta = full_delta();
    delta.upsert = {service("small", 1, 1), service("large", 2, 8000), service("after", 3, 1)};
    delta.remove = {"x"};
    const auto frames = frames_of(delta);
    EXPECT_EQ(frames.size(), 3U);
    EXPECT_LE(largest(frames), max_frame);
    EXPECT_EQ(whole(frames).upsert.size(), 3U);
}

TEST(SplitDelta, AServiceThatFitsNoFrameIsLeftOutAndNamed) {
    auto delta = full_delta();
    delta.upsert = {service("small", 1, 1), service("monster", 2, 3000, std::string(400, 'x'))};
    std::vector<std::string> frames;
    const auto left_out = split_delta(delta, [&](std::string_view text) { frames.emplace_back(text); });
    EXPECT_EQ(left_out, std::vector<std::string>{"monster"});
    const auto read = whole(frames);
    ASSERT_EQ(read.upsert.size(), 1U);
    EXPECT_FALSE(read.complete) << "or the agent would remove what it knows of the monster";
}

TEST(SplitDelta, EverySizeAroundTheLimitOfAFrameFitsOrIsNamed) {
    std::size_t named = 0;
    std::size_t sent = 0;
    for (const std::size_t length : {100, 103}) {
        for (std::size_t backends = 5840; backends < 5970; backends += 3) {
            auto delta = full_delta();
            delta.upsert = {service("edge", 1, backends, std::string(length, 'x'))};
            std::vector<std::string> frames;
            const auto left_out = split_delta(delta, [&](std::string_view text) { frames.emplace_back(text); });
            EXPECT_LE(largest(frames), max_frame);
            EXPECT_EQ(left_out.empty(), largest(frames) > 1000);
            ++(left_out.empty() ? sent : named);
        }
    }
    EXPECT_GT(named, 0U);
    EXPECT_GT(sent, 0U);
}

TEST(SplitHealth, EachFrameIsAMessageAndNoneIsLost) {
    HealthReport report;
    for (unsigned i = 0; i < 5000; ++i)
        report.backends.push_back({"shop/web",
                                   80,
                                   base::Protocol::tcp,
                                   {*base::IpAddress::parse("10.0.0.1"), static_cast<std::uint16_t>(i + 1)},
                                   i % 2 == 0,
                                   model::ProbeResult::bad_body,
                                   std::string(100, '"'),
                                   {}});
    std::vector<model::BackendHealth> read;
    std::size_t frames = 0;
    split_health(report, [&](std::string_view text) {
        EXPECT_LE(text.size(), frame_goal + 64);
        auto message = decode(object(text));
        ASSERT_TRUE(message) << message.error().message();
        for (auto& one : std::get<HealthReport>(*message).backends) read.push_back(std::move(one));
        ++frames;
    });
    EXPECT_GT(frames, 4U);
    EXPECT_EQ(read, report.backends);
}

TEST(SplitRegistryStatus, ManyFilesAreCutAndCollected) {
    RegistryStatus status;
    status.directory_error = "d\"quoted\"";
    status.metrics_address = "127.0.0.1:9707";
    status.picture_address = "127.0.0.1:9708";
    status.picture_error = "in use";
    status.metrics_error = "m";
    for (int i = 0; i < 5000; ++i)
        status.sources.push_back({"file:/etc/meshd/services.d/" + std::to_string(i), i % 2 == 0, 3,
                                  i % 2 == 0 ? "" : "x:1:2: bad", "2026-01-01T00:00:00Z"});
    std::vector<std::string> frames;
    split_registry_status(status, [&](std::string_view text) { frames.emplace_back(text); });
    EXPECT_GT(frames.size(), 2U);
    Assembler assembler;
    const auto message = receive(assembler, frames);
    ASSERT_TRUE(message && *message);
    EXPECT_EQ(std::get<RegistryStatus>(**message), status);
}

TEST(SplitRegistryStatus, AnEndlessErrorIsCut) {
    RegistryStatus status;
    status.sources.push_back({"file:/a", false, 0, std::string(3000000, '\1'), "now"});
    std::vector<std::string> frames;
    split_registry_status(status, [&](std::string_view text) { frames.emplace_back(text); });
    EXPECT_LE(largest(frames), frame_goal);
}

json::object family(const std::string& name, std::size_t samples) {
    json::array list;
    for (std::size_t i = 0; i < samples; ++i)
        list.push_back({{"labels", {{"service", "svc-" + std::to_string(i)}}}, {"value", i}});
    return {{"name", name}, {"help", "h"}, {"kind", "gauge"}, {"samples", std::move(list)}};
}

TEST(SplitMetrics, CutsAFamilyBetweenSamplesUnderTheSameName) {
    const json::array families{family("small", 2), family("large", 20000), family("empty", 0), family("after", 1)};
    std::vector<std::string> frames;
    split_metrics(9, families, [&](std::string_view text) { frames.emplace_back(text); });
    EXPECT_GT(frames.size(), 3U);
    EXPECT_LE(largest(frames), frame_goal + 64);
    Assembler assembler;
    const auto message = receive(assembler, frames);
    ASSERT_TRUE(message) << message.error().message();
    ASSERT_TRUE(*message);
    const auto& part = std::get<MetricsPart>(**message);
    EXPECT_EQ(part.id, 9U);
    json::array large;
    for (const auto& value : part.part.at("families").as_array()) {
        if (value.at("name") != "large") continue;
        EXPECT_EQ(value.at("kind"), "gauge");
        for (const auto& sample : value.at("samples").as_array()) large.push_back(sample);
    }
    EXPECT_EQ(large, families[1].at("samples").as_array());
}

TEST(SplitView, CutsBetweenCharactersAndPutsTogetherWhatWasThere) {
    std::string body;
    while (body.size() < 500000) body += "a\"\n\x01\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80";
    std::vector<std::string> frames;
    split_view(7, 404, body, [&](std::string_view text) { frames.emplace_back(text); });
    EXPECT_GT(frames.size(), 3U);
    EXPECT_LE(largest(frames), max_frame);
    std::string together;
    for (const auto& frame : frames) {
        const auto message = decode(json::parse(frame).as_object());
        ASSERT_TRUE(message) << message.error().message();
        const auto& part = std::get<ViewPart>(*message);
        EXPECT_EQ(part.id, 7U);
        EXPECT_EQ(part.status, 404U);
        EXPECT_EQ(part.last, &frame == &frames.back());
        together += part.text;
    }
    EXPECT_EQ(together, body);
}

TEST(SplitView, NothingIsOneFrameAndBytesThatAreNoTextAreNone) {
    std::vector<std::string> frames;
    split_view(1, 200, "", [&](std::string_view text) { frames.emplace_back(text); });
    split_view(1, 200, "a\xff", [&](std::string_view text) { frames.emplace_back(text); });
    EXPECT_EQ(frames, (std::vector<std::string>{R"({"type":"view","id":1,"status":200,"text":"","last":true})",
                                                R"({"type":"view","id":1,"status":200,"text":"a?","last":true})"}));
}

TEST(SplitMetrics, NoFamiliesAreOneFrame) {
    std::vector<std::string> frames;
    split_metrics(1, {}, [&](std::string_view text) { frames.emplace_back(text); });
    EXPECT_EQ(frames, std::vector<std::string>{R"({"type":"metrics","id":1,"part":{"families":[]},"last":true})"});
}

TEST(Throughput, TenThousandServicesOfTenBackends) {
    auto delta = full_delta();
    for (unsigned i = 0; i < 10000; ++i) delta.upsert.push_back(service("svc-" + std::to_string(i), i, 10));
    const auto begin = std::chrono::steady_clock::now();
    std::size_t bytes = 0;
    FrameReader reader;
    Assembler assembler;
    std::optional<Message> result;
    split_delta(delta, [&](std::string_view text) {
        const auto framed = frame(text);
        bytes += framed.size();
        std::string_view rest = framed;
        auto json = reader.next(rest);
        ASSERT_TRUE(json && *json);
        auto message = decode(std::move(**json));
        ASSERT_TRUE(message);
        auto added = assembler.add(std::move(*message));
        ASSERT_TRUE(added);
        if (*added) result = std::move(*added);
    });
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
    ASSERT_TRUE(result);
    EXPECT_EQ(std::get<Delta>(*result).upsert.size(), 10000U);
    std::printf("[          ] %zu bytes encoded and decoded in %lld ms\n", bytes, static_cast<long long>(took.count()));
    EXPECT_LT(took,
              std::chrono::seconds(20));  // a release build needs well under one; this one may have sanitizers and a busy machine
}

}  // namespace
}  // namespace meshd::channel
