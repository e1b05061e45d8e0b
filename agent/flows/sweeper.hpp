// SPDX-License-Identifier: Apache-2.0
// Removes records that have had their time. For the thread that scans the table.
#pragma once

#include <cstdint>

#include "config/forwarding.hpp"
#include "kernel/flow_maps.hpp"

namespace meshd::flows {

class Sweeper {
public:
    explicit Sweeper(const kernel::FlowMaps& maps) : maps_(maps) {}

    // Of connections that ended a few seconds ago. Costs what ended since the last call.
    base::Result<void> remove_ended(std::uint64_t now_ns);
    // A whole pass: flows of devices that nobody saw for so long, and records that nobody will end: their socket has gone
    // without a word, for no program was attached then. Lets others run in between.
    base::Result<void> remove_stale(std::uint64_t now_ns, const config::TrackTimeouts& timeouts);

private:
    base::Result<void> remove_ended_record(const md_flow_key& key, std::uint64_t ended_ns);

    const kernel::FlowMaps& maps_;
    std::uint64_t removed_until_ns_ = 0;  // all that ended before have been removed
};

// How long a record of a device stays after its last packet.
std::uint64_t lifetime_ns(const md_flow_key& key, const md_flow& record, const config::TrackTimeouts& timeouts);

}  // namespace meshd::flows
