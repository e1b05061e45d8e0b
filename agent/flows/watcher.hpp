// SPDX-License-Identifier: Apache-2.0
// Those who watch flows come and go; programs tell of flows only while somebody does. On the loop's thread.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <optional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "flows/event_log.hpp"
#include "kernel/flow_maps.hpp"

namespace meshd::flows {

class Watcher {
public:
    using Deliver = std::function<void(EventLog::Part)>;

    // `tell`: programs shall tell of flows from now on, or no longer.
    Watcher(boost::asio::io_context& io, std::function<base::Result<void>(bool)> tell);

    base::Result<void> open(const kernel::Datapath& datapath);
    // Without a cursor at once, with one when there is something, or after a while with nothing.
    void wait(std::optional<std::uint64_t> cursor, Deliver deliver);

private:
    struct Waiter {
        std::uint64_t cursor;
        std::chrono::steady_clock::time_point until;
        Deliver deliver;
    };

    void drain();
    void deliver_what_is_there();
    void tick();
    base::Result<void> watch(bool wanted);

    std::function<base::Result<void>(bool)> tell_;
    boost::asio::steady_timer timer_;
    std::optional<kernel::FlowEvents> events_;
    EventLog log_;
    std::list<Waiter> waiters_;
    bool told_ = false;
    std::chrono::steady_clock::time_point last_asked_;
};

}  // namespace meshd::flows
