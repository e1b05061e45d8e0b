// SPDX-License-Identifier: Apache-2.0
// Which flows are asked for, and which come first. Pure.
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "flows/flow.hpp"

namespace meshd::flows {

struct Filter {
    std::optional<std::set<std::uint32_t>> services;  // ids
    std::optional<base::SocketAddress> backend;
    std::optional<base::SocketAddress> address;
    std::optional<State> state;
    std::optional<Source> source;
    std::uint64_t min_age_ns = 0;

    // What no socket needs to be asked for. `now_ns` of CLOCK_MONOTONIC.
    [[nodiscard]] bool may_match(const Flow& flow, std::uint64_t now_ns) const;
    [[nodiscard]] bool matches_state(const Flow& flow) const { return !state || *state == flow.state; }
    // Whether sockets must be asked before it is known which flows match.
    [[nodiscard]] bool needs_sockets() const { return state && !is_over(*state) && *state != State::opening; }

private:
    static bool is_over(State state) { return state >= State::closed; }
};

// The first `limit` by `sort` of all that were put in, in memory that does not grow with their number.
class Best {
public:
    Best(control::FlowSort sort, std::size_t limit) : sort_(sort), limit_(limit) {}

    void put(const Flow& flow);
    [[nodiscard]] std::vector<Flow> take();

    // Whether the order depends on what only an open socket knows.
    static bool needs_sockets(control::FlowSort sort);

private:
    [[nodiscard]] bool comes_before(const Flow& one, const Flow& other) const;
    void cut();

    control::FlowSort sort_;
    std::size_t limit_;
    std::vector<Flow> flows_;
};

}  // namespace meshd::flows
