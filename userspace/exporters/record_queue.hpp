// SPDX-License-Identifier: Apache-2.0
// Rendered records between the loop, which never waits, and the one thread that passes them on.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

namespace meshd::exporters {

using Records = std::vector<std::string>;

class RecordQueue {
public:
    explicit RecordQueue(std::size_t most) : most_(most) {}

    // False: it is full, and the record is lost.
    bool put(std::string record);
    // Up to `most` records, in order: as soon as so many are there, or when the first has waited for `longest`. None when there
    // are none and somebody woke it, or when it has been stopped: then what is left is for take_all().
    Records take(std::size_t most, std::chrono::milliseconds longest);
    // To the front, in order, whatever the bound says.
    void give_back(Records records);
    Records take_all();

    // Waits. False: it was stopped meanwhile, or before.
    bool pause(std::chrono::milliseconds time);
    void wake();
    void stop();

    [[nodiscard]] bool stopped() const;
    [[nodiscard]] std::size_t size() const;

private:
    using Clock = std::chrono::steady_clock;

    std::size_t most_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::string> records_;
    Clock::time_point first_since_{};  // when it was last empty, or last taken from, and then got a record
    std::size_t wanted_ = 1;           // what take() waits for
    bool woken_ = false;
    bool stopped_ = false;
};

}  // namespace meshd::exporters
