// SPDX-License-Identifier: Apache-2.0
// The self-test of the short way on the running kernel: what must hold on every kernel that is supported, and what it leaves.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <set>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <unistd.h>

#include "acceleration/checks/checks.hpp"
#include "acceleration/self_test.hpp"
#include "kernel/cgroup.hpp"
#include "kernel/scratch_cgroup.hpp"
#include "kernel/trial.hpp"

namespace meshd::acceleration {
namespace {

class SelfTest : public testing::Test {
protected:
    static void SetUpTestSuite() {
        if (::geteuid() == 0) verdict() = self_test("auto", std::chrono::seconds(60));
    }
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "needs root";
        ASSERT_TRUE(verdict()) << verdict().error().message();
    }

    static base::Result<Verdict>& verdict() {
        static base::Result<Verdict> only = base::fail({"run", "the self-test", 0, "it was not started", {}});
        return only;
    }
    static const Check& check(std::string_view name) {
        const auto& checks = verdict()->checks;
        const auto found = std::find_if(checks.begin(), checks.end(), [name](const Check& each) { return each.name == name; });
        static const Check none{"", false, "", "was not there"};
        return found == checks.end() ? none : *found;
    }
};

TEST_F(SelfTest, ShowsWhatItSaw) {
    for (const auto& each : verdict()->checks)
        std::cout << (each.passed ? "  pass  " : "  FAIL  ") << each.name << ": " << each.seen << "\n";
    std::cout << "  kernel " << verdict()->kernel << ": " << config::name(verdict()->best) << ", FIONREAD "
              << name(verdict()->fionread) << ", waiting bytes " << name(verdict()->accounting) << ", " << verdict()->idle_refs
              << " references at rest, " << verdict()->duration.count() << " ms\n  " << verdict()->reason << "\n  "
              << verdict()->remedy << "\n";
    EXPECT_FALSE(verdict()->checks.empty());
}

TEST_F(SelfTest, SeesBytesTakeTheShortWayInOrder) {
    for (const auto* name : {"path", "ipv6", "order", "large_message", "edges"})
        EXPECT_TRUE(check(name).passed) << check(name).seen;
}

TEST_F(SelfTest, SeesAReaderThatStandsStillStopItsSender) {
    // Where waiting bytes are neither charged nor may be counted, nothing is bounded, and the verdict has to be off.
    if (verdict()->accounting == Accounting::none) {
        EXPECT_EQ(verdict()->best, config::AccelerationMode::off);
        return;
    }
    for (const auto* name : {"bound", "messages", "non_blocking"}) EXPECT_TRUE(check(name).passed) << check(name).seen;
}

TEST_F(SelfTest, SeesNoByteLostAtTheEndOfAConnection) {
    for (const auto* name : {"half_close", "unread_answer", "splice_in", "sendfile"})
        EXPECT_TRUE(check(name).passed) << check(name).seen;
}

TEST_F(SelfTest, SeesSocketsTakenOffTheShortWay) {
    EXPECT_TRUE(check("leaving").passed) << check("leaving").seen;
    EXPECT_GT(verdict()->idle_refs, 0);
}

TEST_F(SelfTest, LeavesNoCgroup) {
    const auto mount = kernel::cgroup_mount();
    ASSERT_TRUE(mount);
    EXPECT_FALSE(std::filesystem::exists(*mount + "/meshd-trial-" + std::to_string(::getpid())));
}

TEST_F(SelfTest, LeavesNoDescriptor) {
    const auto open = [] {
        const std::filesystem::directory_iterator descriptors("/proc/self/fd");
        return std::distance(begin(descriptors), end(descriptors));
    };
    const auto before = open();
    ASSERT_TRUE(self_test("auto", std::chrono::seconds(60)));
    EXPECT_EQ(open(), before);
}

TEST_F(SelfTest, CountsWhatItHadNoTimeForAsFailed) {
    const auto cut_short = self_test("auto", std::chrono::milliseconds(1));
    if (cut_short) {
        EXPECT_EQ(cut_short->best, config::AccelerationMode::off);
        EXPECT_TRUE(cut_short->out_of_time);
        EXPECT_EQ(cut_short->checks.size(), all_checks().size());
        EXPECT_FALSE(cut_short->checks.back().passed);
    } else {
        EXPECT_THAT(cut_short.error().message(), testing::HasSubstr("cannot run the self-test of the short way: it "));
    }
}

// What would fail on plain TCP too says nothing about the short way.
TEST(Checks, PassOnPlainTcp) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    const auto scratch = kernel::ScratchCgroup::make("auto");
    ASSERT_TRUE(scratch) << scratch.error().message();
    auto trial = kernel::Trial::open(scratch->cgroup(), kernel::Trial::Waiting::charged);
    ASSERT_TRUE(trial) << trial.error().message();
    Rig rig(std::move(*trial));
    const std::set<std::string_view> of_tcp{"edges",     "non_blocking",   "half_close",    "unread_answer",
                                            "splice_in", "sendfile",       "fionread",      "reset",
                                            "peer_gone", "peek",           "splice_out",    "wait_for_all",
                                            "zero_copy", "waiting_signal", "waiting_reset", "waiting_writer"};
    std::size_t ran = 0;
    for (const auto& row : all_checks()) {
        if (!of_tcp.contains(row.name)) continue;
        auto connection = Connection::open(AF_INET);  // this process is not in the cgroup
        ASSERT_TRUE(connection) << connection.error().message();
        const auto seen = row.run(rig, *connection);
        EXPECT_TRUE(seen.passed) << row.name << ": " << seen.text;
        ++ran;
    }
    EXPECT_EQ(ran, of_tcp.size());
    EXPECT_EQ(rig.facts.fionread, Fionread::both);
}

// An agent that tries again has its own programs on a cgroup above.
TEST(Checks, SeeTheSameBelowADatapathThatIsInForce) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    const auto alone = self_test("auto", std::chrono::seconds(60));
    ASSERT_TRUE(alone) << alone.error().message();
    const auto above = kernel::ScratchCgroup::make("auto");
    ASSERT_TRUE(above) << above.error().message();
    auto trial = kernel::Trial::open(above->cgroup(), kernel::Trial::Waiting::charged);
    ASSERT_TRUE(trial) << trial.error().message();
    const Rig in_force(std::move(*trial));
    const auto below = self_test(above->cgroup().path(), std::chrono::seconds(60));
    ASSERT_TRUE(below) << below.error().message();
    ASSERT_EQ(below->checks.size(), alone->checks.size());
    for (std::size_t i = 0; i < alone->checks.size(); ++i)
        EXPECT_EQ(below->checks[i].passed, alone->checks[i].passed) << below->checks[i].name << ": " << below->checks[i].seen;
    EXPECT_EQ(below->best, alone->best);
}

TEST(SelfTestCgroup, RefusesWhatIsNoCgroup) {
    const auto outcome = self_test("/tmp");
    ASSERT_FALSE(outcome);
    EXPECT_THAT(outcome.error().message(), testing::HasSubstr("/tmp"));
}

TEST(ScratchCgroup, RemovesWhatAnAgentThatIsGoneLeft) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    const auto mount = kernel::cgroup_mount();
    ASSERT_TRUE(mount);
    // No process has such an id: the kernel's limit is 4194304.
    const auto leftover = *mount + "/meshd-trial-99999999";
    std::filesystem::create_directory(leftover);
    {
        const auto scratch = kernel::ScratchCgroup::make("auto");
        ASSERT_TRUE(scratch) << scratch.error().message();
        EXPECT_FALSE(std::filesystem::exists(leftover));
        EXPECT_TRUE(std::filesystem::exists(scratch->cgroup().path()));
    }
    EXPECT_FALSE(std::filesystem::exists(*mount + "/meshd-trial-" + std::to_string(::getpid())));
}

}  // namespace
}  // namespace meshd::acceleration
