// SPDX-License-Identifier: Apache-2.0
// Waits for one file descriptor, whatever signals come meanwhile.
#pragma once

#include <cerrno>
#include <chrono>

#include <poll.h>

namespace meshd::base {

// Whether one of `events` (poll(2); errors and hang-ups are always among them) came in time.
inline bool wait_for(int descriptor, short events, std::chrono::milliseconds timeout) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    pollfd item{descriptor, events, 0};
    while (true) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        const int ready = ::poll(&item, 1, left.count() > 0 ? static_cast<int>(left.count()) : 0);
        if (ready >= 0 || errno != EINTR) return ready > 0;
    }
}

}  // namespace meshd::base
