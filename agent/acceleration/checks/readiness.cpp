// SPDX-License-Identifier: Apache-2.0
// That a reader hears of what came, and of how much.
#include <cerrno>

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "acceleration/checks/checks.hpp"

namespace meshd::acceleration {

namespace {

constexpr std::size_t message_size = 1000;

// Takes the message away again.
int fionread(Way& way) {
    int bytes = -1;
    way.send(message_size);
    if (!wait_readable(way.to()) || ::ioctl(way.to(), FIONREAD, &bytes) != 0) return -1;
    return way.receive_rest() ? bytes : -1;
}

}  // namespace

Seen check_edges(Rig& rig, Connection& connection) {
    constexpr int rounds = 8;
    auto& way = connection.to_server();
    const base::UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
    epoll_event event{.events = EPOLLIN | EPOLLET, .data = {}};
    if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, way.to(), &event) != 0) return {false, "epoll: " + errno_name(errno)};
    const auto has_edge = [&] { return ::epoll_wait(epoll.get(), &event, 1, static_cast<int>(patience.count())) > 0; };
    for (int round = 0; round < rounds; ++round) {
        const bool by_tcp = round % 2 != 0;
        by_tcp ? rig.take_tcp() : rig.take_short_way();
        // The second comes while the first is unread.
        for (const auto* which : {"first", "second"}) {
            way.send(message_size);
            if (!has_edge())
                return {false, fmt::format("none for the {} message by {}", which, by_tcp ? "TCP" : "the short way")};
        }
        if (!way.receive_rest()) return {false, way.text()};
    }
    return {true, fmt::format("{} edges for {} messages", 2 * rounds, 2 * rounds)};
}

Seen check_fionread(Rig& rig, Connection& connection) {
    const int by_short_way = fionread(connection.to_server());
    rig.take_tcp();
    const int by_tcp = fionread(connection.to_server());
    const bool short_right = by_short_way == message_size, tcp_right = by_tcp == message_size;
    rig.facts.fionread =
        short_right ? (tcp_right ? Fionread::both : Fionread::redirected) : (tcp_right ? Fionread::tcp : Fionread::none);
    return {short_right && tcp_right, fmt::format("{} by the short way, {} by TCP", by_short_way, by_tcp)};
}

}  // namespace meshd::acceleration
