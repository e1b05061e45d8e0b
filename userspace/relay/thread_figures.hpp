// SPDX-License-Identifier: Apache-2.0
// What one relay thread counts. It alone writes, others read at any time.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "relay/engine.hpp"

namespace meshd::relay {

class Figure {
public:
    void add(std::uint64_t count = 1) { value_.store(get() + count, std::memory_order_relaxed); }  // no locked instruction
    void subtract(std::uint64_t count = 1) { value_.store(get() - count, std::memory_order_relaxed); }
    void set(std::uint64_t value) { value_.store(value, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

struct alignas(64) ThreadFigures {
    struct OfDirection {
        std::array<Figure, tls::handshake_results> handshakes;
        Figure resumed, open, relayed, refused, denied, audited, reset, bytes_in, bytes_out;
        Figure kernel_receives, kernel_transmits, kernel_failures, spliced;
    };
    std::array<OfDirection, relay_directions> directions;
    std::array<Figure, edge_refusals> edge_refused;
    Figure pool_hits, pool_misses, pool_ready;
    Figure in_use;

    OfDirection& of(Direction direction) { return directions[static_cast<std::size_t>(direction)]; }
    void add_to(Figures& sum) const;
};

}  // namespace meshd::relay
