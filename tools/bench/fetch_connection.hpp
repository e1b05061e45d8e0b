// SPDX-License-Identifier: Apache-2.0
// One keep-alive connection to an HTTP/1.1 server: files are fetched one after the other, and every byte is compared with what it
// should be.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>

#include "base/unique_fd.hpp"
#include "sockets.hpp"

namespace meshd::bench {

// What a path answers with.
struct Expected {
    std::string path;
    std::span<const unsigned char> body;
};

// How a connection reads: a slow one takes a piece, then looks away for a while.
struct Reading {
    std::size_t piece = 65536;
    std::chrono::microseconds pause{0};
    int receive_buffer = 0;  // SO_RCVBUF, 0: the host's
};

class FetchConnection {
public:
    using Clock = std::chrono::steady_clock;

    // Begins a non-blocking connect().
    FetchConnection(const RawAddress& target, const Reading& reading);

    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] bool fetching() const { return expected_ != nullptr; }
    [[nodiscard]] bool failed() const { return !error_.empty(); }
    [[nodiscard]] const std::string& error() const { return error_; }
    [[nodiscard]] std::uint64_t finished() const { return finished_; }  // answers that came whole
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    [[nodiscard]] Clock::duration longest_wait() const { return longest_wait_; }  // for bytes that were due, while it would read
    [[nodiscard]] Clock::time_point reads_again() const { return reads_again_; }

    void fetch(const Expected& expected);  // only when it is not fetching
    void on_ready();                       // writable with a request to send, or readable
    [[nodiscard]] bool wants_to_write() const { return !request_.empty(); }
    void expire(Clock::duration limit);  // gives up what has not moved for that long

private:
    void fail(const std::string& what, int code = 0);
    void send_request();
    void receive();
    std::size_t take_head(std::span<const unsigned char> bytes);
    void take_body(std::span<const unsigned char> bytes);
    void note_wait(Clock::time_point now);

    base::UniqueFd fd_;
    const Reading& reading_;
    const Expected* expected_ = nullptr;
    std::string request_;  // what is still to be sent
    std::string head_;     // of the answer, as far as it came
    bool in_body_ = false;
    std::size_t position_ = 0;  // in the body
    std::uint64_t finished_ = 0;
    std::uint64_t bytes_ = 0;
    Clock::time_point waits_since_{};
    Clock::time_point reads_again_{};
    Clock::duration longest_wait_{0};
    std::string error_;
};

}  // namespace meshd::bench
