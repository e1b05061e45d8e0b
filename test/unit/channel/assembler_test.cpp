// SPDX-License-Identifier: Apache-2.0
#include "channel/assembler.hpp"

#include <gtest/gtest.h>

#include "frames.hpp"

namespace meshd::channel {
namespace {

Delta part(std::uint64_t sequence, const std::vector<std::string>& names, bool last) {
    Delta delta;
    delta.sequence = sequence;
    delta.full = sequence == 1;
    delta.complete = true;
    delta.last = last;
    for (const auto& name : names) delta.upsert.push_back(service(name, 1, 2));
    return delta;
}

std::string error_of(const base::Result<std::optional<Message>>& result) {
    return result ? "no error" : result.error().message();
}

TEST(Assembler, GivesABatchWhenItsLastFrameIsThere) {
    Assembler assembler;
    EXPECT_FALSE(assembler.add(part(1, {"a"}, false)).value());
    EXPECT_FALSE(assembler.add(part(1, {"b"}, false)).value());
    const auto message = assembler.add(part(1, {}, true)).value();
    ASSERT_TRUE(message);
    EXPECT_EQ(std::get<Delta>(*message).upsert.size(), 2U);
    EXPECT_TRUE(assembler.add(part(2, {"a"}, true)).value());
}

TEST(Assembler, LetsOtherMessagesThroughAtOnce) {
    Assembler assembler;
    EXPECT_FALSE(assembler.add(part(1, {"a"}, false)).value());
    EXPECT_TRUE(assembler.add(Hello{"1", 2}).value());
    EXPECT_TRUE(assembler.add(MetricsRequest{3}).value());
}

TEST(Assembler, TheFirstBatchMustBeFull) {
    Assembler assembler;
    auto delta = part(1, {}, true);
    delta.full = false;
    EXPECT_EQ(error_of(assembler.add(delta)), "cannot accept message delta: the first on a channel must be full");
}

TEST(Assembler, ABatchMustFollowTheOneBefore) {
    Assembler assembler;
    EXPECT_EQ(error_of(assembler.add(part(2, {}, true))), "cannot accept message delta: its sequence is 2, 1 was due");
    ASSERT_TRUE(assembler.add(part(1, {}, true)));
    EXPECT_EQ(error_of(assembler.add(part(1, {}, true))), "cannot accept message delta: its sequence is 1, 2 was due");
}

TEST(Assembler, FramesOfABatchMustAgree) {
    Assembler assembler;
    ASSERT_TRUE(assembler.add(part(1, {}, false)));
    auto delta = part(1, {}, true);
    delta.complete = false;
    EXPECT_EQ(error_of(assembler.add(delta)), "cannot accept message delta: its frames do not agree on full and complete");
}

TEST(Assembler, ABatchNamesAServiceOnce) {
    Assembler assembler;
    ASSERT_TRUE(assembler.add(part(1, {"a"}, false)));
    auto delta = part(1, {}, true);
    delta.remove = {"a"};
    EXPECT_EQ(error_of(assembler.add(delta)), "cannot accept message delta: it names a twice");
}

TEST(Assembler, HoldsNoMoreThanItsLimits) {
    AssemblerLimits limits;
    limits.services = 2;
    limits.backends = 5;
    limits.sources = 1;
    limits.metrics_parts = 2;
    Assembler few(limits);
    EXPECT_EQ(error_of(few.add(part(1, {"a", "b", "c"}, false))), "cannot accept message delta: more than 2 services");
    limits.services = 10;
    Assembler assembler(limits);
    ASSERT_TRUE(assembler.add(part(1, {"a", "b"}, false)));
    EXPECT_EQ(error_of(assembler.add(part(1, {"c"}, false))), "cannot accept message delta: more than 5 backends");

    RegistryStatus status;
    status.sources.resize(2);
    EXPECT_EQ(error_of(assembler.add(status)), "cannot accept message registry: more than 1 sources");

    const MetricsPart metrics{1, object(R"({"families":[]})"), false};
    ASSERT_TRUE(assembler.add(metrics));
    ASSERT_TRUE(assembler.add(metrics));
    EXPECT_EQ(error_of(assembler.add(metrics)), "cannot accept message metrics: more than 2 frames");
}

TEST(Assembler, HoldsNoMorePodsThanANodeHas) {
    Assembler assembler;
    EXPECT_TRUE(assembler.add(Pods{std::vector<model::Pod>(model::max_pods), false}));
    EXPECT_FALSE(assembler.add(Pods{std::vector<model::Pod>(1), true}));
}

TEST(Assembler, PartsOfOneMetricsAnswerAreNotMixedWithAnother) {
    Assembler assembler;
    ASSERT_TRUE(assembler.add(MetricsPart{1, object(R"({"families":[]})"), false}));
    EXPECT_EQ(error_of(assembler.add(MetricsPart{2, object(R"({"families":[]})"), true})),
              "cannot accept message metrics: it begins before the one before it has ended");
    Assembler other;
    EXPECT_EQ(error_of(other.add(MetricsPart{1, {}, true})), "cannot accept message metrics: a part without families");
}

}  // namespace
}  // namespace meshd::channel
