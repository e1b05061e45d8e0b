// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/address.hpp"
#include "board.hpp"
#include "outcome.hpp"
#include "plan.hpp"

namespace meshd::shapes {

struct Run {
    base::SocketAddress target;
    Menu menu;
    Mix sizes = Mix::mixed;
    std::uint64_t seed = 0;
    std::uint64_t first = 0;  // number of the first connection
    std::uint64_t connections = 1000;
    unsigned concurrency = 32;
    std::chrono::seconds budget{0};  // no new connections after that; 0: no end
};

// Makes the connections, so many at a time, and plays the client's end of each. Fewer when `stop` is set.
void drive(const Run& run, Board& board, Outcome& outcome, const std::atomic<bool>& stop);

}  // namespace meshd::shapes
