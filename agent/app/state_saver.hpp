// SPDX-License-Identifier: Apache-2.0
// Writes the state file some time after a change, on a thread of its own: a disk may be slow, the loop must not be. The state
// that it writes is immutable, so the thread shares nothing that changes.
#pragma once

#include <functional>
#include <optional>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "app/state_file.hpp"

namespace meshd::app {

class StateSaver {
public:
    using Done = std::function<void(const base::Result<void>&)>;

    // `current` is asked when it is time to write; `done` is told how it went. Both on the loop.
    StateSaver(boost::asio::io_context& loop, const StateFile& file, std::function<model::DesiredState()> current, Done done);
    StateSaver(const StateSaver&) = delete;
    StateSaver& operator=(const StateSaver&) = delete;
    ~StateSaver();  // waits for a write that is under way

    void changed();
    void save_now();  // what is waiting to be written, before the agent ends

private:
    void begin();

    boost::asio::io_context& loop_;
    const StateFile& file_;
    std::function<model::DesiredState()> current_;
    Done done_;
    boost::asio::steady_timer timer_;
    bool waiting_ = false;  // a change has not been written yet
    bool writing_ = false;
    std::thread thread_;
};

}  // namespace meshd::app
