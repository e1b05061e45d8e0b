// SPDX-License-Identifier: Apache-2.0
#include "acceleration/child.hpp"

#include <csignal>
#include <filesystem>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/unique_fd.hpp"

namespace meshd::acceleration {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;

constexpr Patience long_enough{milliseconds(60000), milliseconds(60000)};
constexpr Patience brief{milliseconds(100), milliseconds(60000)};

std::size_t open_descriptors() {
    const std::filesystem::directory_iterator descriptors("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(descriptors), end(descriptors)));
}

TEST(Child, TellsItsLinesInOrder) {
    const auto report = run_in_child(
        [](const Tell& tell) {
            tell("one");
            tell("");
            tell(std::string(200000, 'x'));  // more than a pipe holds
        },
        long_enough);
    ASSERT_TRUE(report);
    EXPECT_THAT(report->lines, ElementsAre("one", "", std::string(200000, 'x')));
    EXPECT_EQ(report->end, "");
    EXPECT_FALSE(report->out_of_time);
}

TEST(Child, ThatCrashesIsSeenWithWhatItToldBefore) {
    const auto report = run_in_child(
        [](const Tell& tell) {
            tell("before");
            (void)::raise(SIGKILL);
        },
        long_enough);
    ASSERT_TRUE(report);
    EXPECT_THAT(report->lines, ElementsAre("before"));
    EXPECT_EQ(report->end, "was ended by signal 9");
    EXPECT_FALSE(report->out_of_time);
}

TEST(Child, ThatGivesUpIsSeen) {
    const auto report = run_in_child([](const Tell&) { ::_exit(3); }, long_enough);
    ASSERT_TRUE(report);
    EXPECT_EQ(report->end, "ended with status 3");
}

TEST(Child, ThatHangsIsEndedAtTheDeadline) {
    const auto report = run_in_child(
        [](const Tell& tell) {
            tell("before");
            for (;;) ::pause();
        },
        brief);
    ASSERT_TRUE(report);
    EXPECT_THAT(report->lines, ElementsAre("before"));
    EXPECT_EQ(report->end, "was silent for 100 ms");
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a child is left";
}

TEST(Child, ThatTalksButDoesNotEndIsEndedToo) {
    const auto report = run_in_child(
        [](const Tell& tell) {
            for (;;) {
                tell("still here");
                ::usleep(1000);
            }
        },
        {milliseconds(60000), milliseconds(200)});
    ASSERT_TRUE(report);
    EXPECT_FALSE(report->lines.empty());
    EXPECT_TRUE(report->out_of_time);
    EXPECT_EQ(report->end, "did not end within 200 ms");
}

// As one that hangs on its way out.
TEST(Child, ThatClosesItsEndAndHangsIsEndedToo) {
    const auto report = run_in_child(
        [](const Tell&) {
            ::close(3);
            for (;;) ::pause();
        },
        brief);
    ASSERT_TRUE(report);
    EXPECT_EQ(report->end, "was silent for 100 ms");
}

TEST(Child, HasNoDescriptorOfItsParent) {
    const base::UniqueFd secret(::open("/dev/null", O_RDONLY));
    const auto report = run_in_child([](const Tell& tell) { tell(std::to_string(open_descriptors())); }, long_enough);
    ASSERT_TRUE(report);
    // Standard ones, the pipe, and the directory that is being listed.
    EXPECT_THAT(report->lines, ElementsAre("5"));
}

TEST(Child, LeavesNoDescriptor) {
    const auto before = open_descriptors();
    ASSERT_TRUE(run_in_child([](const Tell&) {}, long_enough));
    EXPECT_EQ(open_descriptors(), before);
}

volatile sig_atomic_t handled = 0;

TEST(Child, DoesNotRunHandlersOfItsParentNorChangeThem) {
    struct sigaction mine {};
    struct sigaction before {};
    mine.sa_handler = [](int) { handled = 1; };
    ASSERT_EQ(::sigaction(SIGUSR1, &mine, &before), 0);
    const auto report = run_in_child(
        [](const Tell& tell) {
            tell("before");
            (void)::raise(SIGUSR1);
            tell("after");
        },
        long_enough);
    ASSERT_TRUE(report);
    EXPECT_THAT(report->lines, ElementsAre("before"));
    EXPECT_EQ(report->end, "was ended by signal 10");
    EXPECT_EQ(handled, 0);
    (void)::raise(SIGUSR1);
    EXPECT_EQ(handled, 1);
    ASSERT_EQ(::sigaction(SIGUSR1, &before, nullptr), 0);
}

}  // namespace
}  // namespace meshd::acceleration
