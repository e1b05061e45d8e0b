// SPDX-License-Identifier: Apache-2.0
#include "sockets/descriptors.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/unique_fd.hpp"

namespace meshd::sockets {
namespace {

TEST(Descriptors, HaveTheSocketsOfAProcessAndNothingElse) {
    const base::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_TRUE(socket.valid());
    struct stat status {};
    ASSERT_EQ(::fstat(socket.get(), &status), 0);
    const auto inodes = sockets_of({::getpid()});
    EXPECT_TRUE(inodes.contains(static_cast<std::uint32_t>(status.st_ino)));
    struct stat standard {};
    ASSERT_EQ(::stat("/proc/self/exe", &standard), 0);
    EXPECT_FALSE(inodes.contains(static_cast<std::uint32_t>(standard.st_ino)));
}

TEST(Descriptors, AreNoneOfAProcessThatIsNotThere) { EXPECT_TRUE(sockets_of({-1}).empty()); }

}  // namespace
}  // namespace meshd::sockets
