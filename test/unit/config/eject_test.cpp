// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "config/registry_file.hpp"
#include "refusals.hpp"

namespace meshd::config {
namespace {

model::Service read(const std::string& extra) {
    const auto services = parse_services(service({.extra = extra}), "web.yaml");
    EXPECT_TRUE(services) << services.error().message();
    return services ? services->front() : model::Service{};
}

TEST(ServiceEjection, IsNotUnlessTheServiceSaysSo) {
    EXPECT_EQ(read("").health.eject, std::nullopt);
    EXPECT_EQ(read("").health.panic_percent, 50);
    EXPECT_EQ(read("    health: {panic: 0%}\n").health.eject, std::nullopt);
    EXPECT_EQ(read("    health: {panic: 100%}\n").health.panic_percent, 100);
}

TEST(ServiceEjection, HasARuleOfWhichEachPartCanBeSaid) {
    EXPECT_EQ(read("    health: {eject: {}}\n").health.eject, model::Ejection{});
    EXPECT_EQ(read("    health: {eject: {consecutive: 1, rate: 0%, base: 100ms, longest: 24h, most: 100%}}\n").health.eject,
              (model::Ejection{1, 0, 100, model::max_ejection_ms, 100}));
    EXPECT_EQ(read("    health: {eject: {consecutive: 0}}\n").health.eject, (model::Ejection{0, 50, 30000, 300000, 50}));
    EXPECT_EQ(read("    health: {eject: {base: 10m}}\n").health.eject, (model::Ejection{5, 50, 600000, 600000, 50}))
        << "the longest is at least the first";
}

const Refusal table[] = {
    {"Nothing", service({.extra = "    health:\n"}),
     "5:5: \"health\" must be a mapping, found nothing; remove the key or put something into it"},
    {"NoRule", service({.extra = "    health: {eject: }\n"}),
     "5:14: \"eject\" must be a mapping, found nothing; write \"eject: {}\" for one of which all is as usual"},
    {"UnknownKey", service({.extra = "    health: {ejects: {}}\n"}),
     "5:14: unknown key \"ejects\" in \"health\", expected probe, eject or panic; did you mean \"eject\"?"},
    {"UnknownPart", service({.extra = "    health: {eject: {row: 3}}\n"}),
     "5:22: unknown key \"row\" in \"eject\", expected consecutive, rate, base, longest or most"},
    {"NoPercent", service({.extra = "    health: {eject: {rate: 50}}\n"}),
     "5:28: \"rate\" must be 0% or a share of the connections from 10% to 100%, found 50; write % behind the number"},
    {"TooLow", service({.extra = "    health: {eject: {rate: 5%}}\n"}),
     "5:28: \"rate\" must be 0% or a share of the connections from 10% to 100%, found \"5%\""},
    {"MostOfNone", service({.extra = "    health: {eject: {most: 0%}}\n"}),
     "5:28: \"most\" must be a share of the backends from 1% to 100%, found \"0%\""},
    {"PanicAboveAll", service({.extra = "    health: {panic: 101%}\n"}),
     "5:21: \"panic\" must be a share of the backends from 0% to 100%, found \"101%\""},
    {"TooShort", service({.extra = "    health: {eject: {base: 1ms}}\n"}),
     "5:28: \"base\" must be a time from 100ms to 24h (units: ms, s, m, h), found \"1ms\""},
    {"LongestBelowBase", service({.extra = "    health: {eject: {base: 10s, longest: 5s}}\n"}),
     "5:42: \"longest\" is shorter than \"base\""},
    {"NeverEjects", service({.extra = "    health: {eject: {consecutive: 0, rate: 0%}}\n"}),
     "5:21: \"eject\" without \"consecutive\" and \"rate\" would never eject; give one of them, or remove \"eject\""},
};

INSTANTIATE_TEST_SUITE_P(Eject, RegistryRefusal, testing::ValuesIn(table), name_of);

}  // namespace
}  // namespace meshd::config
