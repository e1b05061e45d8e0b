// SPDX-License-Identifier: Apache-2.0
// A thread for passes over large maps, so that the loop goes on.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

#include "base/error.hpp"

namespace meshd::flows {

// What `work` comes to. That it threw, for memory ran out, is its failure, and not the end of the process.
template <typename Work>
auto attempt(Work&& work) -> decltype(work()) {
    try {
        return work();
    } catch (const std::exception& error) {
        return base::fail({"read", "the flows", 0, error.what(), "try again"});
    }
}

class Background {
public:
    Background();
    Background(const Background&) = delete;
    Background& operator=(const Background&) = delete;
    // Waits for the job that runs; those that wait are dropped.
    ~Background();

    // One job after the other; none may throw: see attempt(). False: too many wait.
    bool post(std::function<void()> job);

private:
    void run();

    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::function<void()>> jobs_;
    bool ends_ = false;
    std::thread thread_;  // last: it uses the others
};

}  // namespace meshd::flows
