// SPDX-License-Identifier: Apache-2.0
#include "process/child.hpp"

#include <chrono>
#include <csignal>
#include <optional>
#include <thread>

#include <gmock/gmock.h>
#include <sys/wait.h>

namespace meshd::process {
namespace {

using testing::ElementsAre;

struct ChildTest : testing::Test {
    std::unique_ptr<Child> start(const std::string& script) {
        auto started = Child::start(io, {{"/bin/sh", "-c", script}, [this](std::string_view line) { lines.emplace_back(line); }},
                                    [this](int how) { status = how; });
        EXPECT_TRUE(started) << started.error().message();
        return started ? std::move(*started) : nullptr;
    }

    boost::asio::io_context io;
    std::vector<std::string> lines;
    std::optional<int> status;
};

TEST_F(ChildTest, TellsLinesOfBothOutputsAndHowItEnds) {
    const auto child = start("echo one; echo two >&2; printf three; exit 7");
    io.run();
    EXPECT_THAT(lines, ElementsAre("one", "two", "three"));
    ASSERT_TRUE(status);
    EXPECT_EQ(WEXITSTATUS(*status), 7);
    EXPECT_EQ(child->group(), 0);
}

TEST_F(ChildTest, TellsALineWithoutEndInParts) {
    const auto child = start("head -c 10000 /dev/zero | tr '\\0' x; echo; echo last");
    io.run();
    ASSERT_EQ(lines.size(), 4U);
    EXPECT_EQ(lines[0].size() + lines[1].size() + lines[2].size(), 10000U);
    EXPECT_EQ(lines[3], "last");
}

TEST_F(ChildTest, EndsWithWhatItStarted) {
    auto child = start("echo $$; sleep 1000 & sleep 1000");
    while (lines.empty()) io.run_one();
    EXPECT_EQ(std::to_string(child->group()), lines.front());
    child->kill();
    io.run();
    ASSERT_TRUE(status);
    EXPECT_EQ(WTERMSIG(*status), SIGKILL);
    // Nobody is left, once init has waited for what lost its parent.
    const auto group = std::stoi(lines.front());
    for (int i = 0; i < 1000 && ::kill(-group, 0) == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_EQ(::kill(-group, 0), -1);
}

TEST_F(ChildTest, ThatIsDestroyedTellsNothingAndLeavesNoZombie) {
    auto child = start("echo here; sleep 1000");
    while (lines.empty()) io.run_one();
    const auto pid = child->group();
    child.reset();
    io.run();
    EXPECT_FALSE(status);
    EXPECT_EQ(::waitpid(pid, nullptr, WNOHANG), -1);
}

TEST_F(ChildTest, WhatCannotBeRunIsAnError) {
    const auto started = Child::start(io, {{"/nonexistent/program"}}, [this](int how) { status = how; });
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().message(), "cannot run /nonexistent/program: No such file or directory");
    io.run();
    EXPECT_FALSE(status);
}

}  // namespace
}  // namespace meshd::process
