// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "config/registry_file.hpp"
#include "refusals.hpp"

namespace meshd::config {
namespace {

model::Drain read(const std::string& extra) {
    const auto services = parse_services(service({.extra = extra}), "web.yaml");
    EXPECT_TRUE(services) << services.error().message();
    return services ? services->front().drain : model::Drain{};
}

TEST(ServiceDrain, KeepsTcpAndMovesUdpUnlessItSaysOtherwise) {
    EXPECT_EQ(read(""), (model::Drain{0, model::DrainSockets::close}));
    EXPECT_EQ(read("    drain: {deadline: none}\n"), model::Drain{});
}

TEST(ServiceDrain, HasADeadlineOrKeepsEverything) {
    EXPECT_EQ(read("    drain: {deadline: 60s}\n"), (model::Drain{60, model::DrainSockets::close}));
    EXPECT_EQ(read("    drain: {deadline: 1500ms, sockets: close}\n"),
              (model::Drain{2, model::DrainSockets::close}));  // never earlier
    EXPECT_EQ(read("    drain: {deadline: 168h}\n").deadline_s, model::max_drain_s);
    EXPECT_EQ(read("    drain: {sockets: keep}\n"), (model::Drain{0, model::DrainSockets::keep}));
    EXPECT_EQ(read("    drain: {unhealthy: close}\n").unhealthy, model::DrainSockets::close);
    EXPECT_EQ(read("    drain: {sockets: keep, deadline: none}\n"), (model::Drain{0, model::DrainSockets::keep}));
}

const Refusal table[] = {
    {"Nothing", service({.extra = "    drain:\n"}),
     "5:5: \"drain\" must be a mapping, found nothing; remove the key or put something into it"},
    {"ATime", service({.extra = "    drain: 60s\n"}), "5:12: \"drain\" must be a mapping, found \"60s\""},
    {"UnknownKey", service({.extra = "    drain: {dead_line: 60s}\n"}),
     "5:13: unknown key \"dead_line\" in \"drain\", expected deadline, sockets or unhealthy; did you mean \"deadline\"?"},
    {"UnknownWord", service({.extra = "    drain: {sockets: clos}\n"}),
     "5:22: \"sockets\" must be close or keep, found \"clos\"; did you mean \"close\"?"},
    {"NoUnit", service({.extra = "    drain: {deadline: 60}\n"}),
     "5:23: \"deadline\" must be none or a time from 1s to 168h (units: ms, s, m, h), found 60"},
    {"TooShort", service({.extra = "    drain: {deadline: 10ms}\n"}),
     "5:23: \"deadline\" must be none or a time from 1s to 168h (units: ms, s, m, h), found \"10ms\""},
    {"DeadlineOfWhatIsKept", service({.extra = "    drain: {deadline: 60s, sockets: keep}\n"}),
     "5:23: \"deadline\" says when sockets are closed, and \"sockets: keep\" that they never are; remove one of the two"},
    {"UnhealthyOfWhatIsKept", service({.extra = "    drain: {unhealthy: close, sockets: keep}\n"}),
     "5:24: \"unhealthy: close\" closes sockets, and \"sockets: keep\" never does; remove one of the two"},
};

INSTANTIATE_TEST_SUITE_P(Drain, RegistryRefusal, testing::ValuesIn(table), name_of);

}  // namespace
}  // namespace meshd::config
