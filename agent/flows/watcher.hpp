// SPDX-License-Identifier: Apache-2.0
// Those who watch flows come and go; programs tell of flows only while somebody does. On the loop's thread.
#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/log_waiters.hpp"
#include "flows/event_log.hpp"
#include "kernel/flow_maps.hpp"
#include "kernel/ring.hpp"

namespace meshd::flows {

class Watcher {
public:
    using Waiters = base::LogWaiters<EventLog>;
    using Deliver = Waiters::Deliver;

    // `tell`: programs shall tell of flows from now on, or no longer.
    Watcher(boost::asio::io_context& io, std::function<base::Result<void>(bool)> tell);

    base::Result<void> open(const kernel::Datapath& datapath);
    // What the agent has found out by itself. Nobody hears of it while nobody watches.
    void tell(const md_flow_event& event);
    // Without a cursor at once, with one when there is something, or after a while with nothing.
    void wait(std::optional<std::uint64_t> cursor, Deliver deliver);
    // Every event from now on, as long as there is a follower; an empty one ends it.
    base::Result<void> follow(Deliver follower);

private:
    void drain();
    void deliver_to_follower();
    void tick();
    base::Result<void> watch(bool wanted);

    std::function<base::Result<void>(bool)> tell_;
    boost::asio::steady_timer timer_;
    std::optional<kernel::RingReader> events_;
    EventLog log_;
    Waiters waiters_;
    Deliver follower_;
    std::uint64_t followed_ = 0;  // the follower's cursor
    bool told_ = false;
    std::chrono::steady_clock::time_point last_asked_;
};

}  // namespace meshd::flows
