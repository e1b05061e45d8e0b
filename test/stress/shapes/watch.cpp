// SPDX-License-Identifier: Apache-2.0
#include "watch.hpp"

#include <algorithm>
#include <csignal>

#include "bench/sockets.hpp"

namespace meshd::shapes {

using namespace std::chrono_literals;

namespace {

constexpr auto tick = 100ms;

void ignore_kicks() {
    struct sigaction action {};
    action.sa_handler = [](int) {};  // no SA_RESTART: the call that waits returns
    if (::sigaction(SIGUSR2, &action, nullptr) != 0) bench::throw_errno("sigaction");
}

}  // namespace

void Watched::look(Connection::Clock::duration since_last) {
    auto& slot = connection->slot();
    if (Connection::Clock::now() - connection->since() > Watch::hang_after) {
        if (!connection->given_up()) connection->hung("not at its end after 30 s");
        return connection->give_up();
    }
    const auto from = index(other(connection->side()));
    const bool waits = connection->waits();
    const auto read_now = slot.read_bytes[from].load();
    if (!waits || read_now != read) {
        stuck = stuck_blocked = {};
        counted = counted && read_now == read;
        read = read_now;
        return;
    }
    // Below its low water mark a reader sleeps by right, as long as its sender does not get to run.
    stuck = slot.sent_bytes[from] >= read_now + connection->low_water() ? stuck + since_last : Connection::Clock::duration{};
    stuck_blocked = slot.offered_bytes[from] > read_now ? stuck_blocked + since_last : Connection::Clock::duration{};
    const bool trusts_fionread = connection->seat().wait == Feature::fionread;
    const auto bound = trusts_fionread ? Watch::announced_stall_after : Watch::stall_after;
    if (stuck <= bound && stuck_blocked <= std::max<Connection::Clock::duration>(bound, Watch::blocked_stall_after)) return;
    if (!counted)
        connection->stalled("stalled: " + std::to_string(slot.sent_bytes[from] - read_now) + " bytes are sent and not here",
                            read_now);
    counted = true;
    connection->kick();
}

Watch::Watch() {
    ignore_kicks();
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Watch::run(const std::stop_token& stop) {
    auto last = Connection::Clock::now();
    while (!stop.stop_requested()) {
        std::this_thread::sleep_for(tick);
        const auto now = Connection::Clock::now();
        // Where this thread did not get to run, the readers may not have either: that time does not count.
        const auto since_last = std::min<Connection::Clock::duration>(now - std::exchange(last, now), 2 * tick);
        const std::scoped_lock lock(mutex_);
        for (auto& one : all_) one.look(since_last);
    }
}

Watch::Guard::Guard(Watch& watch, Connection& connection) : watch_(watch) {
    const std::scoped_lock lock(watch_.mutex_);
    place_ = watch_.all_.insert(watch_.all_.end(), Watched{.connection = &connection});
}

Watch::Guard::~Guard() {
    const std::scoped_lock lock(watch_.mutex_);
    watch_.all_.erase(place_);
}

}  // namespace meshd::shapes
