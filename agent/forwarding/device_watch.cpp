// SPDX-License-Identifier: Apache-2.0
#include "forwarding/device_watch.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "base/unique_fd.hpp"

namespace meshd::forwarding {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds settle_time{10};
constexpr Clock::duration longest_rest = std::chrono::seconds(2);

}  // namespace

base::Result<std::unique_ptr<DeviceWatch>> DeviceWatch::start(boost::asio::io_context& io, std::function<void()> on_change) {
    base::UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
    if (!fd.valid()) return base::fail_errno("open", "a netlink socket");
    sockaddr_nl local{};
    local.nl_family = AF_NETLINK;
    local.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0)
        return base::fail_errno("follow", "network devices");
    return std::unique_ptr<DeviceWatch>(new DeviceWatch(io, fd.release(), std::move(on_change)));
}

DeviceWatch::DeviceWatch(boost::asio::io_context& io, int fd, std::function<void()> on_change)
    : socket_(io, fd), settle_(io), on_change_(std::move(on_change)) {
    wait();
}

void DeviceWatch::wait() {
    socket_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [this](const boost::system::error_code& error) {
        if (error) return;
        drain();
        wait();
    });
}

// ENOBUFS, which says that messages were lost, is a change like any other.
void DeviceWatch::drain() {
    std::array<char, 16384> message{};
    while (::recv(socket_.native_handle(), message.data(), message.size(), 0) >= 0 || errno == ENOBUFS || errno == EINTR) {
    }
    if (settling_) return;
    settling_ = true;
    settle_.expires_at(std::max<Clock::time_point>(Clock::now() + settle_time, rest_until_));
    settle_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        settling_ = false;
        const auto begun = Clock::now();
        on_change_();
        const auto ended = Clock::now();
        rest_until_ = ended + std::min(9 * (ended - begun), longest_rest);
    });
}

}  // namespace meshd::forwarding
