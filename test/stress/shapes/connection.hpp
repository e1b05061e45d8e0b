// SPDX-License-Identifier: Apache-2.0
// One end of a connection: its socket, its plan and what it tells the other process, the watch and the outcome.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include <pthread.h>

#include "base/unique_fd.hpp"
#include "board.hpp"

namespace meshd::shapes {

class Connection {
public:
    using Clock = std::chrono::steady_clock;

    // Made in the thread that reads. The slot holds the plan.
    Connection(base::UniqueFd fd, Slot& slot, Side side);

    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] Side side() const { return side_; }
    [[nodiscard]] const Plan& plan() const { return plan_; }
    [[nodiscard]] const Seat& seat() const { return plan_.seat(side_); }
    [[nodiscard]] Slot& slot() { return slot_; }
    [[nodiscard]] const Outgoing& incoming() const { return plan_.from(other(side_)); }
    [[nodiscard]] const Outgoing& outgoing() const { return plan_.from(side_); }
    [[nodiscard]] Clock::time_point since() const { return since_; }

    void wrong(const std::string& what, std::uint64_t offset);
    void stalled(const std::string& what, std::uint64_t offset);
    void hung(const std::string& what);
    void waitall_was_short(const std::string& what, std::uint64_t offset);

    // The stream ended early or a call failed with that (0: an end of file): right only after the planned reset has begun.
    void ended_early(const std::string& what, int code, std::uint64_t offset);

    [[nodiscard]] bool given_up() const { return given_up_.load(std::memory_order_relaxed); }
    void give_up();  // every call on the socket returns
    void kick();     // the reader's call returns, and it looks again
    bool was_kicked() { return kicked_.exchange(false); }
    [[nodiscard]] bool was_ever_kicked() const { return ever_kicked_.load(); }

    void close();  // with a reset where the plan says so

    // While one stands, the reader is in a call that returns only when there is something to read.
    class Waiting {
    public:
        explicit Waiting(Connection& connection) : connection_(connection) { connection_.waiting_ = true; }
        ~Waiting() { connection_.waiting_ = false; }
        Waiting(const Waiting&) = delete;
        Waiting& operator=(const Waiting&) = delete;

    private:
        Connection& connection_;
    };
    [[nodiscard]] bool waits() const { return waiting_.load(); }

    // SO_RCVLOWAT of the socket: fewer bytes wake no reader.
    void set_low_water(int bytes);
    [[nodiscard]] std::uint64_t low_water() const { return low_water_.load(); }

private:
    Findings& findings() { return slot_.findings[index(side_)]; }
    void tell(const std::string& what, std::uint64_t offset);

    base::UniqueFd fd_;
    Slot& slot_;
    const Side side_;
    const Plan plan_;
    const Clock::time_point since_ = Clock::now();
    const pthread_t reader_ = ::pthread_self();
    std::atomic<bool> given_up_ = false;
    std::atomic<bool> kicked_ = false;
    std::atomic<bool> ever_kicked_ = false;
    std::atomic<bool> waiting_ = false;
    std::atomic<std::uint64_t> low_water_ = 1;
};

}  // namespace meshd::shapes
