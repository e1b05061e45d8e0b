// SPDX-License-Identifier: Apache-2.0
// The real binary, as its own user, supervised as the agent does it.
#include <csignal>
#include <cstdlib>

#include <sys/wait.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "supervised.hpp"

namespace meshd::app {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

std::string yaml(const std::string& name, int number, int backend = 1) {
    return "services:\n  - name: " + name + "\n    address: 10.96.0." + std::to_string(number) +
           "\n    port: 80\n    backends:\n      - address: 10.0.0." + std::to_string(backend) + "\n";
}

class WorkerTest : public SupervisedTest {
protected:
    void SetUp() override {
        std::filesystem::create_directory(files);
        settings = channel::SettingsMessage{files, true, *base::SocketAddress::parse("127.0.0.1:0"), "warn"};
        metrics = boost::json::parse(
                      R"([{"name":"meshd_services","help":"Services.","kind":"gauge","samples":[{"labels":{},"value":7}]}])")
                      .as_array();
    }

    void start_real() {
        const auto started = start(real_binary());
        ASSERT_TRUE(started) << started.error().message();
        ASSERT_TRUE(loop.run_until([&] { return !deltas.empty() && registry && !registry->metrics_address.empty(); }))
            << worker->status().last_exit;
    }

    void send_settings() { ASSERT_TRUE(worker->channel()->send(channel::encode(*settings))); }

    bool has(const std::string& name) const { return services.contains(name); }

    std::filesystem::path files = directory / "services.d";
};

TEST_F(WorkerTest, SaysHelloAndSendsTheWholeStateFirst) {
    write_file(files / "web.yaml", yaml("web", 1));
    start_real();
    ASSERT_EQ(hellos.size(), 1U);
    EXPECT_EQ(hellos[0].pid, worker->status().pid);
    EXPECT_EQ(deltas[0].sequence, 1U);
    EXPECT_TRUE(deltas[0].full && deltas[0].complete);
    ASSERT_TRUE(has("web"));
    EXPECT_EQ(services["web"]->source, "file:" + (files / "web.yaml").string());
    ASSERT_EQ(registry->sources.size(), 1U);
    EXPECT_TRUE(registry->sources[0].ok);
    EXPECT_EQ(registry->sources[0].services, 1U);
    EXPECT_THAT(registry->sources[0].since, AllOf(StartsWith("20"), testing::EndsWith("Z"), testing::SizeIs(20)));
    EXPECT_EQ(registry->directory_error, "");
}

TEST_F(WorkerTest, TellsOfFilesThatComeChangeAndGo) {
    start_real();
    write_file(files / "a.yaml", yaml("a", 1));
    write_file(files / "b.yaml", yaml("b", 2));
    ASSERT_TRUE(loop.run_until([&] { return has("a") && has("b"); }));
    write_file(files / "a.yaml", yaml("a", 1, 9));
    ASSERT_TRUE(loop.run_until([&] { return services["a"]->ports[0].backends[0].endpoint.text() == "10.0.0.9:80"; }));
    std::filesystem::remove(files / "b.yaml");
    ASSERT_TRUE(loop.run_until([&] { return !has("b"); }));
    EXPECT_FALSE(deltas.back().full);
    EXPECT_EQ(deltas.back().sequence, deltas.size());
}

TEST_F(WorkerTest, ReportsARefusedFileAndKeepsItsServices) {
    write_file(files / "a.yaml", yaml("a", 1));
    start_real();
    write_file(files / "a.yaml", "services:\n  - name: [\n");
    ASSERT_TRUE(loop.run_until([&] { return registry->sources.size() == 1 && !registry->sources[0].ok; }));
    EXPECT_THAT(registry->sources[0].error, HasSubstr("a.yaml:"));
    EXPECT_TRUE(has("a"));
    write_file(files / "a.yaml", yaml("a", 1));
    ASSERT_TRUE(loop.run_until([&] { return registry->sources[0].ok; }));
}

TEST_F(WorkerTest, AFileWithANameThatIsNotTextIsReportedToo) {
    start_real();
    write_file(files / "\xff.yaml", "nonsense: true\n");
    ASSERT_TRUE(loop.run_until([&] { return registry->sources.size() == 1; }));
    EXPECT_THAT(registry->sources[0].name, testing::EndsWith("?.yaml"));
    EXPECT_TRUE(is_running());
}

TEST_F(WorkerTest, RemovesNothingBeforeEveryFileWasReadOnce) {
    write_file(files / "bad.yaml", "]");
    services["from an earlier life"] = nullptr;
    start_real();
    EXPECT_FALSE(deltas.back().complete);
    EXPECT_TRUE(has("from an earlier life"));
    write_file(files / "bad.yaml", yaml("good", 1));
    ASSERT_TRUE(loop.run_until([&] { return has("good"); }));
    EXPECT_FALSE(has("from an earlier life"));
}

TEST_F(WorkerTest, AWorkerThatIsKilledIsRestartedAndSendsEverythingAgain) {
    write_file(files / "web.yaml", yaml("web", 1));
    start_real();
    const auto first = worker->status().pid;
    const auto before = deltas.size();
    ASSERT_EQ(::kill(first, SIGKILL), 0);
    ASSERT_TRUE(loop.run_until([&] { return deltas.size() > before; }));
    EXPECT_NE(worker->status().pid, first);
    EXPECT_EQ(worker->status().restarts, 1U);
    EXPECT_EQ(worker->status().last_exit, "killed by signal 9 (Killed)");
    EXPECT_THAT(downs, testing::ElementsAre(HasSubstr("killed by signal 9 (Killed)")));
    EXPECT_EQ(deltas.back().sequence, 1U);
    EXPECT_TRUE(deltas.back().full);
    EXPECT_EQ(deltas.back().upsert.size(), 1U);
}

TEST_F(WorkerTest, EndsCleanly) {
    start_real();
    ASSERT_EQ(::kill(worker->status().pid, SIGTERM), 0);
    ASSERT_TRUE(loop.run_until([&] { return worker->status().restarts == 1 && is_running(); }));
    EXPECT_EQ(worker->status().last_exit, "exited with status 0");
    worker->stop();
    EXPECT_EQ(worker->status().last_exit, "exited with status 0");
}

TEST_F(WorkerTest, EndsWhenTheChannelClosesWithoutAWord) {
    start_real();
    worker->channel()->close();
    ASSERT_TRUE(loop.run_until([&] { return !downs.empty(); }));
    EXPECT_EQ(downs[0], "exited with status 0");
}

TEST_F(WorkerTest, ServesTheMetricsOfTheAgentAndItsOwn) {
    write_file(files / "a.yaml", yaml("a", 1));
    write_file(files / "b.yaml", "]");
    start_real();
    const auto text = finish(loop, http_get(registry->metrics_address, "/metrics"));
    EXPECT_THAT(text, StartsWith("HTTP/1.1 200 "));
    for (const auto* const line :
         {"\nmeshd_services 7\n", "\nmeshd_worker_resident_memory_bytes ", "\nmeshd_worker_cpu_seconds_total ",
          "\nmeshd_worker_start_time_seconds ", "\nmeshd_registry_sources{state=\"ok\"} 1\n",
          "\nmeshd_registry_sources{state=\"refused\"} 1\n", "\nmeshd_registry_complete 0\n",
          "\nmeshd_registry_last_change_timestamp_seconds 1"})
        EXPECT_THAT(text, HasSubstr(line));
    EXPECT_THAT(finish(loop, http_get(registry->metrics_address, "/healthz")), StartsWith("HTTP/1.1 200 "));
}

TEST_F(WorkerTest, WhatItServesPassesPromtool) {
    if (WEXITSTATUS(std::system("command -v promtool >/dev/null")) != 0) GTEST_SKIP() << "promtool is not installed";
    start_real();
    const auto text = finish(loop, http_get(registry->metrics_address, "/metrics"));
    const auto file = directory / "metrics";
    std::ofstream(file) << text.substr(text.find("\r\n\r\n") + 4);
    EXPECT_EQ(WEXITSTATUS(std::system(("promtool check metrics < " + file.string()).c_str())), 0) << text;
}

TEST_F(WorkerTest, IsNotHealthyWithoutADirectory) {
    settings->registry_directory = files / "missing";
    start_real();
    EXPECT_THAT(registry->directory_error, HasSubstr("missing"));
    EXPECT_THAT(finish(loop, http_get(registry->metrics_address, "/healthz")), StartsWith("HTTP/1.1 503 "));
    std::filesystem::create_directory(files / "missing");
    write_file(files / "missing/a.yaml", yaml("a", 1));
    ASSERT_TRUE(loop.run_until([&] { return has("a"); }));
    EXPECT_THAT(finish(loop, http_get(registry->metrics_address, "/healthz")), StartsWith("HTTP/1.1 200 "));
}

TEST_F(WorkerTest, FollowsAnotherDirectoryWithoutARestart) {
    write_file(files / "a.yaml", yaml("a", 1));
    start_real();
    const auto other = directory / "other.d";
    std::filesystem::create_directory(other);
    write_file(other / "b.yaml", yaml("b", 2));
    settings->registry_directory = other;
    send_settings();
    ASSERT_TRUE(loop.run_until([&] { return has("b"); }));
    EXPECT_FALSE(has("a"));
    EXPECT_TRUE(deltas.back().full);
    write_file(files / "late.yaml", yaml("late", 3));
    write_file(other / "c.yaml", yaml("c", 4));
    ASSERT_TRUE(loop.run_until([&] { return has("c"); }));
    EXPECT_FALSE(has("late"));
    EXPECT_EQ(worker->status().restarts, 0U);
}

TEST_F(WorkerTest, MovesItsMetricsWithoutARestart) {
    start_real();
    const auto first = registry->metrics_address;
    settings->metrics_listen = *base::SocketAddress::parse("[::1]:0");
    send_settings();
    ASSERT_TRUE(loop.run_until([&] { return registry->metrics_address.starts_with("[::1]:"); }));
    EXPECT_THAT(finish(loop, http_get(first, "/")), StartsWith("connect: "));
    settings->metrics_enabled = false;
    send_settings();
    ASSERT_TRUE(loop.run_until([&] { return registry->metrics_address.empty(); }));
    EXPECT_EQ(worker->status().restarts, 0U);
}

TEST_F(WorkerTest, ReportsAMetricsAddressThatIsTakenAndGoesOn) {
    boost::asio::ip::tcp::acceptor taken(loop.context, {boost::asio::ip::address_v4::loopback(), 0});
    settings->metrics_listen.port = taken.local_endpoint().port();
    write_file(files / "a.yaml", yaml("a", 1));
    ASSERT_TRUE(start(real_binary()));
    ASSERT_TRUE(loop.run_until([&] { return has("a") && registry && !registry->metrics_error.empty(); }));
    EXPECT_THAT(registry->metrics_error, HasSubstr("Address already in use"));
    taken.close();
    ASSERT_TRUE(loop.run_until([&] { return registry->metrics_error.empty(); }));
    EXPECT_FALSE(registry->metrics_address.empty());
}

TEST_F(WorkerTest, IgnoresBadSettingsAndKeepsTheGoodOnes) {
    start_real();
    for (const auto* const bad : {R"({"type":"settings"})", R"({"type":"settings","registry_directory":"relative"})",
                                  R"({"type":"dance"})", R"({"type":"hello","version":"1","pid":1})"})
        ASSERT_TRUE(worker->channel()->send_text(bad));
    write_file(files / "a.yaml", yaml("a", 1));
    ASSERT_TRUE(loop.run_until([&] { return has("a"); }));
    EXPECT_EQ(worker->status().restarts, 0U);
}

TEST_F(WorkerTest, RefusesToRunByHand) {
    const auto output = directory / "output";
    const auto run = [&](const std::string& command) {
        const int status = std::system((command + " 2> " + output.string()).c_str());
        EXPECT_EQ(WEXITSTATUS(status), 2) << command;
        return read_file(output);
    };
    const auto binary = real_binary();
    EXPECT_THAT(run(binary), HasSubstr("it is started by meshd; not by hand"));
    EXPECT_THAT(run(binary + " --allow-root"), HasSubstr("--allow-root"));
    if (::geteuid() != 0) return;
    EXPECT_THAT(run(binary), HasSubstr("it must not run as root"));
}

}  // namespace
}  // namespace meshd::app
