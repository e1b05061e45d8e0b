// SPDX-License-Identifier: Apache-2.0
#include "model/flow_export.hpp"

#include <gtest/gtest.h>

#include "model/flow_export_json.hpp"

namespace meshd::model {
namespace {

TEST(FlowChoice, TakesAShareOfEvenlySpreadIds) {
    constexpr std::uint64_t count = 100'000;
    for (const auto share : {0.0, 0.01, 0.5, 0.9, 1.0}) {
        FlowChoice choice;
        choice.sample = share;
        std::uint64_t taken = 0;
        // Multiples of a number near the golden section of 2^64 fill its range evenly.
        for (std::uint64_t i = 1; i <= count; ++i) taken += choice.samples(i * 0x9e3779b97f4a7c15U) ? 1 : 0;
        EXPECT_NEAR(static_cast<double>(taken) / count, share, 0.001) << share;
    }
}

TEST(FlowChoice, OfALargerShareHasAllOfASmallerOne) {
    FlowChoice small;
    FlowChoice large;
    small.sample = 0.2;
    large.sample = 0.3;
    for (std::uint64_t i = 1; i <= 10'000; ++i) {
        const auto id = i * 0x9e3779b97f4a7c15U;
        EXPECT_TRUE(large.samples(id) || !small.samples(id));
    }
}

TEST(FlowChoice, OfOneTakesTheLastIdAndOfNothingNotTheFirst) {
    FlowChoice choice;
    EXPECT_TRUE(choice.samples(~std::uint64_t{0}));
    choice.sample = 0;
    EXPECT_FALSE(choice.samples(0));
}

TEST(FlowExport, WantsWhatSomeExporterWants) {
    FlowExport all;
    all.log.choice = {{true, false, false}, 0.25};
    all.otlp.choice = {{false, false, true}, 0.5};
    EXPECT_EQ(all.choice(), (FlowChoice{{false, false, false}, 0}));
    all.log.file = "/var/log/flows";
    EXPECT_EQ(all.choice(), all.log.choice);
    all.otlp.endpoint = "http://127.0.0.1:4318";
    EXPECT_EQ(all.choice(), (FlowChoice{{true, false, true}, 0.5}));
}

TEST(FlowExport, GoesThroughJsonAndBack) {
    FlowExport all;
    all.log = {"/var/log/flows", {{true, false, true}, 0.125}, 1234567, 9};
    all.otlp = {"https://[::1]:4318/x",
                {{"Authorization", "Bearer 1"}},
                "/etc/ca.pem",
                {{false, true, false}, 1},
                17,
                std::chrono::milliseconds(250),
                99};
    const auto back = flow_export_from_json(to_json(all));
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(*back, all);
    EXPECT_EQ(*flow_export_from_json(to_json(FlowExport{})), FlowExport{});
}

TEST(FlowExport, IsRefusedWhenAMemberIsWrong) {
    for (const auto& [key, wrong] :
         std::initializer_list<std::pair<const char*, boost::json::value>>{{"file", 1},
                                                                           {"events", boost::json::array{"ended"}},
                                                                           {"sample", 1.5},
                                                                           {"sample", -1},
                                                                           {"rotate_keep", 0},
                                                                           {"rotate_size", "1"}}) {
        auto json = to_json(FlowExport{});
        json["log"].as_object()[key] = wrong;
        const auto read = flow_export_from_json(json);
        ASSERT_FALSE(read) << key;
        EXPECT_EQ(read.error().object, std::string("log.") + key);
    }
    EXPECT_FALSE(flow_export_from_json(nullptr));
    EXPECT_FALSE(flow_export_from_json({{"log", 1}, {"otlp", 2}}));
}

}  // namespace
}  // namespace meshd::model
