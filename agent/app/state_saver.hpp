// SPDX-License-Identifier: Apache-2.0
// Writes the state file some time after a change, on a thread of its own: a disk may be slow, the loop must not be. The state
// that it writes is immutable, so the thread shares nothing that changes.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "app/state_file.hpp"

namespace meshd::app {

class StateSaver {
public:
    using Done = std::function<void(const base::Result<void>&)>;

    // `current` is the state at this moment; `done` is told how a write went. Both on the loop. Nobody else uses the file
    // meanwhile.
    StateSaver(boost::asio::io_context& loop, StateFile& file, std::function<const model::DesiredState&()> current, Done done);
    StateSaver(const StateSaver&) = delete;
    StateSaver& operator=(const StateSaver&) = delete;
    ~StateSaver();  // waits for a write that is under way

    void changed(const std::set<std::string>& services);
    void all_changed();
    void save_now();  // what is waiting to be written, before the agent ends

private:
    using Write = std::function<base::Result<void>()>;

    void begin_later();
    void begin();
    [[nodiscard]] Write take_write();

    boost::asio::io_context& loop_;
    StateFile& file_;
    std::function<const model::DesiredState&()> current_;
    Done done_;
    boost::asio::steady_timer timer_;
    std::set<std::string> changed_;  // not written yet
    bool all_changed_ = false;
    bool waiting_ = false;  // for the time to write
    bool writing_ = false;
    std::thread thread_;
};

}  // namespace meshd::app
