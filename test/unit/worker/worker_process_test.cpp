// SPDX-License-Identifier: Apache-2.0
// The supervision, with children that misbehave.
#include "app/worker_process.hpp"

#include <csignal>

#include <fcntl.h>
#include <sys/wait.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/worker_child.hpp"
#include "supervised.hpp"

namespace meshd::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class WorkerProcessTest : public SupervisedTest {
protected:
    // Its hello is a frame of 46 bytes.
    static constexpr const char* hello = R"(printf '\0\0\0\x2e{"type":"hello","version":"1","pid":    12345}' >&3)";

    bool is_alive(pid_t pid) const { return ::kill(pid, 0) == 0; }
};

TEST_F(WorkerProcessTest, AnUnknownUserIsAnErrorWithARemedy) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root changes the user";
    options.user = "meshd-no-such-user";
    const auto started = start("/bin/true");
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().message(),
              "cannot find user meshd-no-such-user: there is no such user; "
              "create it: useradd --system --no-create-home meshd, or set worker.user");
    EXPECT_EQ(worker->status().state, WorkerState::down);
}

TEST_F(WorkerProcessTest, RootIsNoUserForIt) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root changes the user";
    options.user = "root";
    const auto started = start("/bin/true");
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().message(),
              "cannot run worker as user root: it is root; set worker.user to a user without privilege");
}

TEST_F(WorkerProcessTest, AMissingBinaryIsAnError) {
    const auto started = start("/nowhere/meshd-userspace");
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().message(), "cannot execute worker /nowhere/meshd-userspace: No such file or directory");
    loop.run_for(50ms);
    EXPECT_THAT(downs, IsEmpty());
}

TEST_F(WorkerProcessTest, TheChildHasNoPrivilegeAndNothingOfTheAgentsButItsChannel) {
    const auto output = directory / "seen";
    std::ofstream(output).close();
    std::filesystem::permissions(output, std::filesystem::perms(0666));
    ::setenv("MESHD_SECRET", "x", 1);
    const base::UniqueFd of_the_agent(::open((directory / "secret").c_str(), O_CREAT | O_RDWR, 0600));  // without CLOEXEC
    std::signal(SIGUSR1, SIG_IGN);
    const auto binary =
        script("{ cat /proc/self/status; env; for fd in /proc/$$/fd/*; do echo fd ${fd##*/} $(readlink $fd); done; } > " +
               output.string() + "; " + hello + "; read -u 3");
    ASSERT_TRUE(start(binary));
    ASSERT_TRUE(loop.run_until([&] { return is_running(); }));
    std::signal(SIGUSR1, SIG_DFL);
    const auto seen = read_file(output);
    EXPECT_THAT(seen, HasSubstr("NoNewPrivs:\t1\n"));
    for (const auto* const set : {"CapInh", "CapPrm", "CapEff", "CapAmb"})
        EXPECT_THAT(seen, HasSubstr(std::string(set) + ":\t0000000000000000\n"));
    EXPECT_THAT(seen, HasSubstr("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n"));
    if (::geteuid() == 0) {
        EXPECT_THAT(seen, HasSubstr("CapBnd:\t0000000000000000\n"));
        EXPECT_THAT(seen, HasSubstr("Uid:\t65534\t65534\t65534\t65534\nGid:\t65534\t65534\t65534\t65534\n"));
        EXPECT_THAT(seen, HasSubstr("Groups:\t65534 \n"));
    }
    EXPECT_THAT(seen, HasSubstr("fd 0 /dev/null\n"));
    EXPECT_THAT(seen, HasSubstr("fd 3 socket:"));
    EXPECT_THAT(seen, testing::Not(HasSubstr("secret")));
    EXPECT_THAT(seen, testing::Not(HasSubstr("MESHD_SECRET")));
}

TEST_F(WorkerProcessTest, RestartsWithBackoffAndTellsHowItEnded) {
    ASSERT_TRUE(start(script("exit 3")));
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_TRUE(loop.run_until([&] { return opened == 5; }));
    EXPECT_EQ(worker->status().restarts, 4U);
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 20ms + 40ms + 80ms + 160ms);
    EXPECT_EQ(worker->status().last_exit, "exited with status 3");
    EXPECT_THAT(downs,
                ElementsAre("exited with status 3", "exited with status 3", "exited with status 3", "exited with status 3"));
    EXPECT_EQ(opened, 5);
}

TEST_F(WorkerProcessTest, AWorkerThatLivedLongIsRestartedAtOnce) {
    options.first_backoff = 10ms;
    options.longest_backoff = 60s;
    options.long_life = 0ms;
    ASSERT_TRUE(start(script("exit 0")));
    EXPECT_TRUE(loop.run_until([&] { return worker->status().restarts == 20; }));
}

TEST_F(WorkerProcessTest, ARestartThatFailsIsTriedAgain) {
    const auto binary = script("exit 0");
    ASSERT_TRUE(start(binary));
    std::filesystem::remove(binary);
    ASSERT_TRUE(loop.run_until([&] { return downs.size() >= 3; }));
    EXPECT_THAT(downs.back(), HasSubstr("cannot execute worker " + binary + ": No such file or directory"));
    script(std::string(hello) + "; read -u 3");
    EXPECT_TRUE(loop.run_until([&] { return is_running(); }));
}

TEST_F(WorkerProcessTest, AWorkerThatBreaksTheProtocolIsKilled) {
    const struct {
        const char* says;
        const char* expected;
    } cases[] = {
        {R"(printf 'GET / HTTP/1.1\r\n' >&3)", "cannot read frame 1 at byte 0: its length is 1195725856 bytes"},
        {R"(printf '\0\0\0\x03{x}' >&3)", "cannot read frame 1 at byte 1: syntax error"},
        {R"(printf '\0\0\0\x0e{"type":"rob"}' >&3)",
         "cannot read message field type: expected a message of the channel, not 'rob'"},
        {R"(printf '\0\0\0\x21{"type":"metrics_request","id":1}' >&3)", "it did not say hello first"},
    };
    for (const auto& item : cases) {
        downs.clear();
        ASSERT_TRUE(start(script(std::string(item.says) + "; exec sleep 1000")));
        ASSERT_TRUE(loop.run_until([&] { return !downs.empty(); }));
        EXPECT_THAT(downs[0], StartsWith(item.expected));
        EXPECT_THAT(downs[0], testing::EndsWith("; killed by signal 9 (Killed)"));
    }
}

TEST_F(WorkerProcessTest, AWorkerThatSaysNothingIsKilled) {
    options.hello_timeout = 50ms;
    ASSERT_TRUE(start(script("exec sleep 1000")));
    ASSERT_TRUE(loop.run_until([&] { return !downs.empty(); }));
    EXPECT_EQ(downs[0], "it did not say hello in time; killed by signal 9 (Killed)");
}

TEST_F(WorkerProcessTest, AWorkerThatClosesItsChannelButStaysIsKilled) {
    options.stop_timeout = 50ms;
    ASSERT_TRUE(start(script(std::string(hello) + "; exec 3>&-; exec sleep 1000")));
    ASSERT_TRUE(loop.run_until([&] { return !downs.empty(); }));
    EXPECT_EQ(downs[0], "killed by signal 9 (Killed)");
    EXPECT_EQ(hellos.size(), 1U);
}

TEST_F(WorkerProcessTest, StopIsPatientThenFirm) {
    options.stop_timeout = 100ms;
    ASSERT_TRUE(start(script("trap '' TERM; " + std::string(hello) + "; while true; do sleep 0.01; done")));
    ASSERT_TRUE(loop.run_until([&] { return is_running(); }));
    const auto pid = worker->status().pid;
    ASSERT_TRUE(is_alive(pid));
    const auto begin = std::chrono::steady_clock::now();
    worker->stop();
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 200ms);
    EXPECT_FALSE(is_alive(pid));
    EXPECT_EQ(worker->status().state, WorkerState::down);
    EXPECT_EQ(worker->status().last_exit, "killed by signal 9 (Killed)");
    loop.run_for(100ms);
    EXPECT_THAT(downs, IsEmpty());
    EXPECT_EQ(worker->channel(), nullptr);
}

TEST_F(WorkerProcessTest, StopsWhileItWaitsAndStartsAgain) {
    options.first_backoff = 60s;
    ASSERT_TRUE(start(script("exit 0")));
    ASSERT_TRUE(loop.run_until([&] { return downs.size() == 1; }));
    worker->stop();
    script(std::string(hello) + "; read -u 3");
    ASSERT_TRUE(worker->start());
    EXPECT_TRUE(loop.run_until([&] { return is_running(); }));
}

TEST_F(WorkerProcessTest, ARetiredWorkerIsHandedOverWhenItHasLetGo) {
    ASSERT_TRUE(start(script(std::string(hello) + "; head -c 30 <&3 >/dev/null; exec 3>&-; exec sleep 1000")));
    ASSERT_TRUE(loop.run_until([&] { return is_running(); }));
    const auto pid = worker->status().pid;
    std::optional<std::optional<WorkerChild>> retired;
    worker->retire(60s, [&](std::optional<WorkerChild> child) { retired.emplace(std::move(child)); });
    ASSERT_TRUE(loop.run_until([&] { return retired.has_value(); }));
    ASSERT_TRUE(*retired);
    EXPECT_EQ((**retired).pid(), pid);
    EXPECT_TRUE(is_alive(pid));
    EXPECT_EQ(worker->status().state, WorkerState::down);
    worker.reset();
    EXPECT_TRUE(is_alive(pid));
    retired.reset();
    EXPECT_FALSE(is_alive(pid));
    EXPECT_THAT(downs, IsEmpty());
}

TEST_F(WorkerProcessTest, OneThatDoesNotLetGoIsKilledAndNotRetired) {
    options.stop_timeout = 100ms;
    ASSERT_TRUE(start(script(std::string(hello) + "; exec sleep 1000")));
    ASSERT_TRUE(loop.run_until([&] { return is_running(); }));
    const auto pid = worker->status().pid;
    bool is_done = false;
    worker->retire(60s, [&](std::optional<WorkerChild> child) { is_done = !child; });
    EXPECT_TRUE(loop.run_until([&] { return is_done; }));
    EXPECT_FALSE(is_alive(pid));
    EXPECT_THAT(downs, IsEmpty());
}

TEST_F(WorkerProcessTest, WhatItCarriesOutlivesAStopThatAllowsIt) {
    ASSERT_TRUE(start(script(std::string(hello) + "; head -c 30 <&3 >/dev/null; exec 3>&-; exec sleep 1000")));
    ASSERT_TRUE(loop.run_until([&] { return is_running(); }));
    const auto pid = worker->status().pid;
    worker->stop(60s);
    worker.reset();
    EXPECT_TRUE(is_alive(pid));
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
}

TEST_F(WorkerProcessTest, LeavesNoProcessBehindWhenItIsDestroyed) {
    ASSERT_TRUE(start(script(std::string(hello) + "; exec sleep 1000")));
    ASSERT_TRUE(loop.run_until([&] { return is_running(); }));
    const auto pid = worker->status().pid;
    worker.reset();
    EXPECT_FALSE(is_alive(pid));
    loop.run_for(20ms);
    EXPECT_THAT(downs, IsEmpty());
}

TEST_F(WorkerProcessTest, TheChildEndsWithTheAgent) {
    const auto user = resolve_user("nobody").value();
    const auto output = directory / "pid";
    std::ofstream(output).close();
    std::filesystem::permissions(output, std::filesystem::perms(0666));
    const auto binary = script("echo $$ > " + output.string() + "; exec sleep 1000");
    const auto agent = ::fork();
    if (agent == 0) {
        const auto child = WorkerChild::start(binary, user);
        while (child && read_file(output).find('\n') == std::string::npos) ::usleep(1000);
        ::raise(SIGKILL);
    }
    ASSERT_GT(agent, 0);
    ASSERT_EQ(::waitpid(agent, nullptr, 0), agent);
    const auto pid = std::stoi(read_file(output));
    // Whoever inherits it may be slow to reap it.
    const auto is_zombie = [&] { return read_file("/proc/" + std::to_string(pid) + "/stat").find(") Z") != std::string::npos; };
    EXPECT_TRUE(loop.run_until([&] { return !is_alive(pid) || is_zombie(); }));
}

}  // namespace
}  // namespace meshd::app
