// SPDX-License-Identifier: Apache-2.0
#include "app/watchdog.hpp"

#include <array>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/unique_fd.hpp"

namespace meshd::app {
namespace {

// The service manager's end of the conversation, in the abstract namespace.
class Manager : public testing::Test {
protected:
    void SetUp() override {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const auto length = static_cast<socklen_t>(sizeof(sa_family_t));
        ASSERT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), length), 0);  // the kernel gives it a name
        socklen_t size = sizeof(address);
        ASSERT_EQ(::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
        const std::string name(address.sun_path + 1, size - sizeof(sa_family_t) - 1);
        ::setenv("NOTIFY_SOCKET", ("@" + name).c_str(), 1);
        ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
    }
    void TearDown() override {
        for (const auto* name : {"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"}) ::unsetenv(name);
    }

    std::string heard() {
        std::array<char, 256> buffer{};
        const auto size = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        return size > 0 ? std::string(buffer.data(), static_cast<std::size_t>(size)) : "";
    }

    base::UniqueFd socket_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    boost::asio::io_context io_;
    Watchdog watchdog_{io_};
};

TEST_F(Manager, HearsBeatsAsLongAsTheLoopGoesRound) {
    ::setenv("WATCHDOG_USEC", "2000", 1);
    watchdog_.begin();
    for (int beat = 0; beat < 3; ++beat) {
        EXPECT_EQ(heard(), "WATCHDOG=1") << beat;
        EXPECT_EQ(heard(), "");
        io_.run_one();
    }
}

TEST_F(Manager, HearsNothingWhereItDoesNotWatch) {
    watchdog_.begin();
    EXPECT_EQ(heard(), "");
    EXPECT_EQ(io_.run(), 0U);
}

TEST_F(Manager, HearsNothingWhereItWatchesAnotherProcess) {
    ::setenv("WATCHDOG_USEC", "2000", 1);
    ::setenv("WATCHDOG_PID", "1", 1);
    watchdog_.begin();
    EXPECT_EQ(heard(), "");
}

}  // namespace
}  // namespace meshd::app
