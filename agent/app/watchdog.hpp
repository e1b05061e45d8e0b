// SPDX-License-Identifier: Apache-2.0
// Tells the service manager that the loop goes round, where it wants to know (WatchdogSec= of the unit). An agent that stands
// still is started again by it.
#pragma once

#include <chrono>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

namespace meshd::app {

class Watchdog {
public:
    explicit Watchdog(boost::asio::io_context& io) : timer_(io) {}

    // Does nothing where nobody watches.
    void begin();

private:
    void beat();

    boost::asio::steady_timer timer_;
    std::chrono::microseconds interval_{0};
};

}  // namespace meshd::app
