// SPDX-License-Identifier: Apache-2.0
#include "steering/listeners.hpp"

#include <cerrno>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace meshd::steering {
namespace {

using base::UniqueFd;

std::uint16_t port_of(const UniqueFd& socket) {
    sockaddr_in6 address{};
    socklen_t size = sizeof address;
    EXPECT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    return ntohs(address.sin6_port);
}

// One that was free a moment ago.
std::uint16_t free_port() { return port_of((*listen_at({{}, 0}, 1, "tls"))->sockets.front()); }

bool connects(int family, std::uint16_t port) {
    const UniqueFd socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (family == AF_INET) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    }
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    address.sin6_addr = in6addr_loopback;
    return ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

TEST(Listeners, TakeBothFamiliesOnOnePort) {
    const auto port = free_port();
    const auto listeners = listen_at({{}, port}, 3, "tls");
    ASSERT_TRUE(listeners) << listeners.error().message();
    EXPECT_EQ((*listeners)->port, port);
    ASSERT_EQ((*listeners)->sockets.size(), 3U);
    for (const auto& socket : (*listeners)->sockets) EXPECT_EQ(port_of(socket), port);
    EXPECT_TRUE(connects(AF_INET, port));
    EXPECT_TRUE(connects(AF_INET6, port));
}

TEST(Listeners, AreReplacedByOthersOnTheSamePort) {
    const auto port = free_port();
    const auto first = listen_at({{}, port}, 2, "tls");
    ASSERT_TRUE(first);
    EXPECT_TRUE(listen_at({{}, port}, 4, "tls"));
}

TEST(Listeners, TellThatAPortIsTaken) {
    const UniqueFd other(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    ASSERT_EQ(::bind(other.get(), reinterpret_cast<sockaddr*>(&any), sizeof any), 0);
    ASSERT_EQ(::listen(other.get(), 1), 0);
    const auto port = port_of(other);
    const auto listeners = listen_at({{}, port}, 1, "tls");
    ASSERT_FALSE(listeners);
    EXPECT_EQ(listeners.error().code, EADDRINUSE);
    EXPECT_THAT(listeners.error().message(), testing::HasSubstr("port " + std::to_string(port)));
}

TEST(Listeners, AreToldFromWhatElseADescriptorMayBe) {
    const auto port = free_port();
    const auto everywhere = listen_at({{}, port}, 1, "tls");
    ASSERT_TRUE(everywhere);
    const auto at_one = listen_at(*base::SocketAddress::parse("127.0.0.1:0"), 1, "edge");
    ASSERT_TRUE(at_one);
    const auto port_of_one = port_of((*at_one)->sockets.front());
    const int here = (*everywhere)->sockets.front().get();
    const int local = (*at_one)->sockets.front().get();
    EXPECT_TRUE(listens_at(here, {{}, port}));
    EXPECT_FALSE(listens_at(here, {{}, static_cast<std::uint16_t>(port + 1)}));
    EXPECT_FALSE(listens_at(here, {*base::IpAddress::parse("127.0.0.1"), port}));
    EXPECT_TRUE(listens_at(local, {*base::IpAddress::parse("127.0.0.1"), port_of_one}));
    EXPECT_FALSE(listens_at(local, {{}, port_of_one}));
    const base::UniqueFd datagrams(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const base::UniqueFd idle(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_FALSE(listens_at(datagrams.get(), {{}, 0}) || listens_at(idle.get(), {{}, 0}) || listens_at(-1, {{}, port}));
}

}  // namespace
}  // namespace meshd::steering
