// SPDX-License-Identifier: Apache-2.0
#include "worker/metrics_page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "loop.hpp"
#include "telemetry/exposition.hpp"

namespace meshd::worker {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

const base::SocketAddress any_port = *base::SocketAddress::parse("127.0.0.1:0");

class MetricsPageTest : public testing::Test {
protected:
    MetricsPage make_page(MetricsTimes times = {}) {
        return MetricsPage(loop.context,
                           {[this](channel::MetricsRequest request) { asked.push_back(request.id); },
                            [] { return std::vector{telemetry::gauge("meshd_worker_own", "Own.", 1)}; },
                            [this] { return unhealthy; }, [this] { ++listen_changes; }},
                           times);
    }

    static channel::MetricsPart answer(std::uint64_t id, const std::string& families) {
        return {id, boost::json::parse(R"({"families":[)" + families + "]}").as_object(), true};
    }

    Loop loop;
    std::vector<std::uint64_t> asked;
    std::string unhealthy;
    int listen_changes = 0;
};

constexpr const char* one_family = R"({"name":"meshd_x","help":"X.","kind":"gauge","samples":[{"labels":{},"value":2}]})";

TEST_F(MetricsPageTest, AddsItsOwnFamiliesToTheAgents) {
    auto page = make_page();
    page.listen_at(any_port);
    ASSERT_EQ(page.error(), "");
    auto scrape = http_get(page.address(), "/metrics");
    ASSERT_TRUE(loop.run_until([&] { return asked.size() == 1; }));
    page.take_answer(answer(asked[0], one_family));
    const auto text = finish(loop, std::move(scrape));
    EXPECT_THAT(text, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(text, HasSubstr("text/plain; version=0.0.4; charset=utf-8\r\n"));
    EXPECT_THAT(text, EndsWith("meshd_x 2\n# HELP meshd_worker_own Own.\n# TYPE meshd_worker_own gauge\nmeshd_worker_own 1\n"));
}

TEST_F(MetricsPageTest, ScrapesAtTheSameTimeShareOneAnswer) {
    auto page = make_page();
    page.listen_at(any_port);
    std::vector<std::future<std::string>> scrapes;
    for (int i = 0; i < 5; ++i) scrapes.push_back(http_get(page.address(), "/metrics"));
    ASSERT_TRUE(loop.run_until([&] { return page.waiting() == 5; }));
    EXPECT_EQ(asked.size(), 1U);
    page.take_answer(answer(asked[0], one_family));
    for (auto& scrape : scrapes) EXPECT_THAT(finish(loop, std::move(scrape)), HasSubstr("meshd_x 2\n"));
}

TEST_F(MetricsPageTest, AnswersForItselfWhenTheAgentDoesNot) {
    auto page = make_page({.answer_timeout = 50ms, .listen_retry = 1s});
    page.listen_at(any_port);
    const auto text = finish(loop, http_get(page.address(), "/metrics"));
    EXPECT_THAT(text, StartsWith("HTTP/1.1 503 "));
    EXPECT_THAT(text, EndsWith("the agent did not answer in time\n"));
    page.take_answer(answer(asked[0], one_family));  // too late, and of no harm

    auto second = http_get(page.address(), "/metrics");
    ASSERT_TRUE(loop.run_until([&] { return asked.size() == 2; }));
    page.take_answer(answer(asked[0], one_family));
    EXPECT_EQ(page.waiting(), 1U) << "an answer to an earlier scrape is none to this one";
    page.take_answer(answer(asked[1], one_family));
    EXPECT_THAT(finish(loop, std::move(second)), HasSubstr("meshd_x 2\n"));
}

TEST_F(MetricsPageTest, LeavesOutAFamilyThatIsWrong) {
    auto page = make_page();
    page.listen_at(any_port);
    auto scrape = http_get(page.address(), "/metrics");
    ASSERT_TRUE(loop.run_until([&] { return asked.size() == 1; }));
    page.take_answer(answer(asked[0], std::string(one_family) + R"(,{"name":"bad name"})"));
    EXPECT_THAT(finish(loop, std::move(scrape)), HasSubstr("meshd_x 2\n# HELP meshd_worker_own"));
}

TEST_F(MetricsPageTest, SaysWhetherItIsHealthy) {
    auto page = make_page();
    page.listen_at(any_port);
    EXPECT_THAT(finish(loop, http_get(page.address(), "/healthz")), StartsWith("HTTP/1.1 200 "));
    unhealthy = "no registry";
    const auto text = finish(loop, http_get(page.address(), "/healthz"));
    EXPECT_THAT(text, StartsWith("HTTP/1.1 503 "));
    EXPECT_THAT(text, EndsWith("no registry\n"));
}

TEST_F(MetricsPageTest, ShowsTheWay) {
    auto page = make_page();
    page.listen_at(any_port);
    EXPECT_THAT(finish(loop, http_get(page.address(), "/")), HasSubstr("/metrics"));
    EXPECT_THAT(finish(loop, http_get(page.address(), "/favicon.ico")), StartsWith("HTTP/1.1 404 "));
}

TEST_F(MetricsPageTest, TriesAgainForAnAddressThatIsTaken) {
    auto page = make_page({.answer_timeout = 5s, .listen_retry = 20ms});
    auto other = std::unique_ptr<MetricsPage>(new MetricsPage(make_page()));
    other->listen_at(any_port);
    const auto taken = other->address();
    listen_changes = 0;
    page.listen_at(base::SocketAddress::parse(taken));
    EXPECT_THAT(page.error(), HasSubstr("Address already in use"));
    EXPECT_EQ(page.address(), "");
    loop.run_for(100ms);
    EXPECT_EQ(listen_changes, 1) << "the same error is told once";
    other->listen_at(std::nullopt);
    ASSERT_TRUE(loop.run_until([&] { return page.address() == taken; }));
    EXPECT_EQ(page.error(), "");
}

TEST_F(MetricsPageTest, MovesToAnotherAddressAndStops) {
    auto page = make_page();
    page.listen_at(any_port);
    const auto first = page.address();
    page.listen_at(base::SocketAddress::parse("[::1]:0"));
    EXPECT_THAT(page.address(), StartsWith("[::1]:"));
    EXPECT_THAT(finish(loop, http_get(first, "/")), StartsWith("connect: "));
    EXPECT_THAT(finish(loop, http_get(page.address(), "/")), StartsWith("HTTP/1.1 200 "));
    const auto second = page.address();
    page.listen_at(std::nullopt);
    EXPECT_EQ(page.address(), "");
    EXPECT_THAT(finish(loop, http_get(second, "/")), StartsWith("connect: "));
}

}  // namespace
}  // namespace meshd::worker
