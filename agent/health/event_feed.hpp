// SPDX-License-Identifier: Apache-2.0
// Events for those who wait for them. On the loop's thread.
#pragma once

#include <functional>
#include <list>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "health/event_log.hpp"

namespace meshd::health {

class EventFeed {
public:
    using Deliver = std::function<void(EventLog::Part)>;

    explicit EventFeed(boost::asio::io_context& io) : timer_(io) {}

    void put(Event event);
    // Without a cursor at once, with one when there is something, or after a while with nothing.
    void wait(std::optional<std::uint64_t> cursor, Deliver deliver);
    [[nodiscard]] const EventLog& log() const { return log_; }

private:
    struct Waiter {
        std::uint64_t cursor;
        std::chrono::steady_clock::time_point until;
        Deliver deliver;
    };
    void deliver_what_is_there();
    void schedule();

    EventLog log_;
    std::list<Waiter> waiters_;
    boost::asio::steady_timer timer_;
};

}  // namespace meshd::health
