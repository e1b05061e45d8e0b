// SPDX-License-Identifier: Apache-2.0
// That a socket can be taken off the short way in the middle of a connection.
#include <algorithm>
#include <thread>

#include <fmt/format.h>

#include "acceleration/checks/checks.hpp"

namespace meshd::acceleration {

namespace {

constexpr std::size_t message_size = 1000;

// References that both ends of a connection have at rest: the least that is seen, for timers may come and go.
std::uint16_t references_at_rest(const Rig& rig, const Connection& connection) {
    constexpr int looks = 5;
    std::uint32_t least[2]{UINT16_MAX, UINT16_MAX};
    for (int i = 0; i < looks; ++i) {
        const auto view = rig.trial.look(connection.client_cookie(), 0);
        if (!view) return 0;
        for (const auto side : {MD_CLIENT, MD_SERVER}) least[side] = std::min(least[side], view->ends[side].references);
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return static_cast<std::uint16_t>(std::max(least[MD_CLIENT], least[MD_SERVER]));
}

// Takes out what can be, until both ends are out or the time is over. True: both are plain TCP sockets.
bool take_out(const Rig& rig, const Connection& connection) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < end) {
        const auto view = rig.trial.look(connection.client_cookie(), MD_TAKE_OUT);
        if (!view) return false;
        if (view->ends[MD_CLIENT].state == MD_END_PLAIN && view->ends[MD_SERVER].state == MD_END_PLAIN) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
}

bool exchange(Connection& connection) {
    return connection.to_server().send(message_size) > 0 && connection.to_client().send(message_size) > 0 &&
           connection.to_server().receive_rest() && connection.to_client().receive_rest();
}

}  // namespace

Seen check_leaving(Rig& rig, Connection& connection) {
    if (!exchange(connection)) return {false, connection.to_server().text()};
    rig.facts.idle_refs = references_at_rest(rig, connection);
    rig.set_idle_refs(rig.facts.idle_refs);

    connection.to_server().send(message_size);
    (void)rig.trial.leave(connection.client_cookie());
    const auto early = rig.trial.look(connection.client_cookie(), MD_TAKE_OUT);
    if (!early) return {false, early.error().message()};
    if (early->ends[MD_SERVER].taken_out != 0) return {false, "taken out while bytes waited"};
    const bool whole = connection.to_server().receive_rest();
    const bool out = take_out(rig, connection);
    const auto by_short_way = rig.way(connection, MD_CLIENT).messages;
    const bool goes_on = exchange(connection) && rig.way(connection, MD_CLIENT).messages == by_short_way;
    return {whole && out && goes_on, fmt::format("{} references at rest; {}; {}", rig.facts.idle_refs,
                                                 out ? "both taken out" : "not taken out", connection.to_server().text())};
}

}  // namespace meshd::acceleration
