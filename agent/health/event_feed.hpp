// SPDX-License-Identifier: Apache-2.0
// Events for those who wait for them. On the loop's thread.
#pragma once

#include <optional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/log_waiters.hpp"
#include "health/event_log.hpp"

namespace meshd::health {

class EventFeed {
public:
    using Waiters = base::LogWaiters<EventLog>;

    explicit EventFeed(boost::asio::io_context& io) : timer_(io) {}

    void put(Event event);
    // Without a cursor at once, with one when there is something, or after a while with nothing.
    void wait(std::optional<std::uint64_t> cursor, Waiters::Deliver deliver);
    [[nodiscard]] const EventLog& log() const { return log_; }

private:
    void schedule();

    EventLog log_;
    Waiters waiters_;
    boost::asio::steady_timer timer_;
};

}  // namespace meshd::health
