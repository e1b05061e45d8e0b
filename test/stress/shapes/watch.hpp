// SPDX-License-Identifier: Apache-2.0
// Looks at every connection of this process ten times a second: does a reader wait although bytes are on their way to it, has a
// connection lasted too long? A reader that stalls is counted and woken, so that the rest of its connection is still checked.
#pragma once

#include <list>
#include <mutex>
#include <thread>

#include "connection.hpp"

namespace meshd::shapes {

class Watch {
public:
    static constexpr auto stall_after = std::chrono::seconds(1);
    // A call to send that has not returned may have sent nothing yet; that is no stall before the sender has had time to run.
    static constexpr auto blocked_stall_after = std::chrono::seconds(3);
    // A reader that trusts FIONREAD is told by the agent, which has to get to run first.
    static constexpr auto announced_stall_after = std::chrono::seconds(5);
    static constexpr auto hang_after = std::chrono::seconds(30);

    Watch();

    class Guard {
    public:
        Guard(Watch& watch, Connection& connection);
        ~Guard();
        Guard(const Guard&) = delete;
        Guard& operator=(const Guard&) = delete;

    private:
        Watch& watch_;
        std::list<struct Watched>::iterator place_;
    };

private:
    void run(const std::stop_token& stop);

    std::mutex mutex_;
    std::list<struct Watched> all_;
    std::jthread thread_;  // last: it uses the others
};

struct Watched {
    Connection* connection;
    std::uint64_t read = 0;
    Connection::Clock::duration stuck{};          // waiting although bytes are sent
    Connection::Clock::duration stuck_blocked{};  // or are being sent
    bool counted = false;

    void look(Connection::Clock::duration since_last);
};

}  // namespace meshd::shapes
