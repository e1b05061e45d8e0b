// SPDX-License-Identifier: Apache-2.0
// That what waits for a reader is known, and ends somewhere.
#include <array>
#include <cerrno>

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "acceleration/checks/checks.hpp"

namespace meshd::acceleration {

namespace {

// Fixed, so that what TCP itself would hold does not depend on the settings of the host.
constexpr int buffer_size = 262144;
constexpr std::size_t message_size = 16384;
constexpr std::uint64_t most_accepted = std::uint64_t{4} << 20U;
constexpr std::uint64_t tried = std::uint64_t{16} << 20U;

void fix_buffers(const Way& way) {
    (void)::setsockopt(way.from(), SOL_SOCKET, SO_SNDBUF, &buffer_size, sizeof buffer_size);
    (void)::setsockopt(way.to(), SOL_SOCKET, SO_RCVBUF, &buffer_size, sizeof buffer_size);
}

bool is_counted(Rig& rig, const Connection& connection, std::uint64_t read) {
    const auto pair = rig.trial.pair(connection.client_cookie());
    return pair && rig.trial.consumed(pair->ends[MD_SERVER]) == read;
}

}  // namespace

Seen check_accounting(Rig& rig, Connection& connection) {
    constexpr int messages = 4;
    auto& way = connection.to_server();
    for (int i = 0; i < messages; ++i) way.send(message_size);
    const auto sent = rig.way(connection, MD_CLIENT).bytes;
    const auto view = rig.trial.look(connection.client_cookie(), 0);
    if (!view) return {false, view.error().message()};
    const auto charged = view->ends[MD_SERVER].waiting;
    const bool is_charged = sent == way.sent() && charged >= sent;
    // Half of it, with a look first: what is only looked at is not consumed.
    std::array<char, message_size> looked{};
    (void)::recv(way.to(), looked.data(), looked.size(), MSG_PEEK);
    way.receive_whole(sent / 2);
    const bool counted = is_counted(rig, connection, sent / 2) && way.receive_rest() && is_counted(rig, connection, sent);
    rig.facts.accounting = is_charged ? Accounting::charged : counted ? Accounting::counted : Accounting::none;
    rig.set_counted(rig.facts.accounting == Accounting::counted);
    return {rig.facts.accounting != Accounting::none,
            fmt::format("{} of {} bytes charged{}", charged, sent, counted ? ", what is read is counted" : "")};
}

Seen check_bound(Rig& rig, Connection& connection) {
    auto& way = connection.to_server();
    fix_buffers(way);
    const auto accepted = way.send_until_full(message_size, tried);
    const auto by_short_way = rig.way(connection, MD_CLIENT).bytes;
    const bool whole = way.receive_rest();
    // The reader has caught up: the way is free again.
    const bool goes_on = way.send(message_size) > 0 && way.receive_rest();
    return {accepted < most_accepted && by_short_way > 0 && whole && goes_on,
            fmt::format("stopped at {} KiB, {} KiB of them short; {}", accepted / 1024, by_short_way / 1024, way.text())};
}

Seen check_messages(Rig& rig, Connection& connection) {
    constexpr std::uint64_t sent = 4096;
    constexpr std::uint64_t most = MD_MARKS * MD_MARK_EVERY + MD_MARK_EVERY;
    auto& way = connection.to_server();
    const auto accepted = way.send_until_full(1, sent);
    const auto by_short_way = rig.way(connection, MD_CLIENT).messages;
    const bool whole = way.receive_rest();
    return {whole && by_short_way > 0 && by_short_way <= most,
            fmt::format("{} of {} messages of one byte waited; {}", by_short_way, accepted, way.text())};
}

Seen check_non_blocking(Rig&, Connection& connection) {
    auto& way = connection.to_server();
    fix_buffers(way);
    way.send_until_full(message_size, tried);
    // The last one may have been taken in part.
    if (way.send(message_size) >= 0 && way.send(message_size) >= 0) return {false, "never full"};
    const int code = errno;
    if (code != EAGAIN) return {false, errno_name(code)};
    const base::UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
    epoll_event event{.events = EPOLLOUT | EPOLLET, .data = {}};
    if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, way.from(), &event) != 0) return {false, "epoll: " + errno_name(errno)};
    const bool early = ::epoll_wait(epoll.get(), &event, 1, 0) > 0;
    const bool whole = way.receive_rest();
    const bool writable = ::epoll_wait(epoll.get(), &event, 1, static_cast<int>(patience.count())) > 0;
    const bool goes_on = way.send(message_size) > 0 && way.receive_rest();
    return {whole && writable && goes_on, fmt::format("{}{}{}", early ? "EPOLLOUT while full; " : "EAGAIN, ",
                                                      writable ? "then EPOLLOUT; " : "no EPOLLOUT; ", way.text())};
}

}  // namespace meshd::acceleration
