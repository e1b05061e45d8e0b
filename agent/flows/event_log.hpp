// SPDX-License-Identifier: Apache-2.0
// The last events, numbered, for watchers who come back for more. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "meshd/abi.h"

namespace meshd::flows {

class EventLog {
public:
    static constexpr std::size_t most = 8192;   // events that are kept
    static constexpr std::size_t batch = 1024;  // events that are handed out at once

    struct Part {
        std::vector<md_flow_event> events;
        std::uint64_t next = 0;  // the cursor to come back with
        std::uint64_t lost = 0;  // events that were not kept long enough
    };

    void put(const md_flow_event& event);
    [[nodiscard]] std::uint64_t next() const { return first_ + events_.size(); }
    // A cursor that is no number of this log, such as one of the agent before, begins now.
    [[nodiscard]] Part since(std::uint64_t cursor) const;
    void clear();

private:
    std::deque<md_flow_event> events_;
    std::uint64_t first_ = 1;  // number of events_.front()
};

}  // namespace meshd::flows
