// SPDX-License-Identifier: Apache-2.0
// One connection to an echo server: messages of a known pattern go out one at a time, and every byte that comes back is checked.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/unique_fd.hpp"
#include "pattern.hpp"
#include "sockets.hpp"

namespace meshd::bench {

class Flow {
public:
    using Clock = std::chrono::steady_clock;

    enum class State {
        connecting,
        idle,     // the last message came back whole
        waiting,  // a message is out
        failed,   // connect() did not succeed
        broken,   // it was established, and then ended, stalled or gave a wrong byte
    };

    // Begins a non-blocking connect().
    Flow(const RawAddress& target, std::uint64_t seed);

    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] const std::string& error() const { return error_; }
    [[nodiscard]] std::uint64_t bytes_checked() const { return received_; }
    [[nodiscard]] Clock::time_point since() const { return since_; }  // of the state

    void on_ready();                     // the socket is writable for the first time, or readable
    void send(std::size_t size);         // only when idle; at most max_message bytes
    void expire(Clock::duration limit);  // gives up what has not moved for that long
    void close() { fd_.reset(); }

    static constexpr std::size_t max_message = 4096;

private:
    void enter(State state);
    void fail(const std::string& what, int code);
    void finish_connect();
    void receive();

    base::UniqueFd fd_;
    Pattern pattern_;
    State state_ = State::connecting;
    Clock::time_point since_ = Clock::now();
    std::uint64_t sent_ = 0;
    std::uint64_t received_ = 0;
    std::string error_;
};

}  // namespace meshd::bench
