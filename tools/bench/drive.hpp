// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/address.hpp"

namespace meshd::bench {

struct Load {
    base::SocketAddress target;
    int connections = 1000;                    // that stay open from the beginning to the end
    int churn = 8;                             // that are opened and closed all the time, at once
    std::chrono::milliseconds interval{100};   // between two messages of one connection
    std::chrono::milliseconds give_up{15000};  // without an answer for that long a connection counts as broken
};

struct Outcome {
    std::uint64_t established = 0;
    std::uint64_t failed = 0;  // of the connections that should stay
    std::uint64_t broken = 0;
    std::uint64_t idle_at_the_end = 0;  // had every byte back
    std::uint64_t bytes_checked = 0;
    std::uint64_t least_bytes = 0;  // of the connection that moved fewest
    std::uint64_t churned = 0;
    std::uint64_t churn_failed = 0;
    std::vector<std::string> errors;  // the first few, in words
};

// What the caller asks for while the load runs.
struct Orders {
    std::atomic<bool> stop{false};
    std::atomic<bool> no_more_connects{false};
};

// Calls `ready` once all connections are established or have failed.
Outcome drive(const Load& load, const Orders& orders, void (*ready)());

}  // namespace meshd::bench
