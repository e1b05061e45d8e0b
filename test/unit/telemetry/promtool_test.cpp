// SPDX-License-Identifier: Apache-2.0
// What Prometheus' own checker says of the text.
#include <cstdio>
#include <cstdlib>

#include <sys/wait.h>

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "telemetry/exposition.hpp"
#include "telemetry/process.hpp"

namespace meshd::telemetry {
namespace {

int exit_status(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : -1; }

TEST(Promtool, AcceptsWhatIsServed) {
    if (exit_status(std::system("command -v promtool >/dev/null")) != 0) GTEST_SKIP() << "promtool is not installed";
    auto exposition = from_json(boost::json::parse(R"({"families":[
        {"name":"meshd_services","help":"Services of the registry.","kind":"gauge","samples":[{"labels":{},"value":2}]},
        {"name":"meshd_connects_total","help":"Line\nbreak \\ and \"quotes\".","kind":"counter","samples":[
            {"labels":{"service":"web \"1\"\n\\","outcome":"forwarded"},"value":1},
            {"labels":{"service":"日本語","outcome":"forwarded"},"value":1e300}]},
        {"name":"meshd_reconcile_duration_seconds","help":"Time.","kind":"histogram","samples":[
            {"labels":{},"count":3,"sum":0.25,"buckets":[[0.001,1],[0.1,2]]}]}]})")
                                    .as_object());
    ASSERT_TRUE(exposition);
    ASSERT_TRUE(exposition->refused.empty());
    auto families = exposition->families;
    for (auto& family : process_families("meshd_worker")) families.push_back(std::move(family));
    auto* const promtool = ::popen("promtool check metrics", "w");
    ASSERT_NE(promtool, nullptr);
    const auto text = to_text(families);
    EXPECT_EQ(std::fwrite(text.data(), 1, text.size(), promtool), text.size());
    EXPECT_EQ(exit_status(::pclose(promtool)), 0) << text;
}

}  // namespace
}  // namespace meshd::telemetry
