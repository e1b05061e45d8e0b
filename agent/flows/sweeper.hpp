// SPDX-License-Identifier: Apache-2.0
// Removes records that have had their time. For the thread that scans the table.
#pragma once

#include <cstdint>
#include <vector>

#include "config/forwarding.hpp"
#include "kernel/flow_maps.hpp"

namespace meshd::flows {

// What a whole pass came to.
struct Swept {
    std::vector<md_flow_event> aged;  // flows that were told of as opened and that nobody will tell the end of
    bool more = false;                // there is more to remove than one pass does: it wants another one soon
};

class Sweeper {
public:
    explicit Sweeper(const kernel::FlowMaps& maps) : maps_(maps) {}

    // Of connections that ended a few seconds ago. Costs what ended since the last call.
    base::Result<void> remove_ended(std::uint64_t now_ns);
    // A whole pass: flows of devices that nobody saw for so long, and records that nobody will end: their socket has gone
    // without a word, for no program was attached then.
    base::Result<Swept> remove_stale(std::uint64_t now_ns, const config::TrackTimeouts& timeouts);

private:
    struct Found {
        md_flow_key key;
        md_flow record;
    };
    // Those whose socket has gone.
    base::Result<void> keep_those_without_socket(std::vector<Found>& found) const;
    // False: it is another flow's by now.
    base::Result<bool> remove(const md_flow_key& key, const md_flow& found);

    const kernel::FlowMaps& maps_;
    std::uint64_t removed_until_ns_ = 0;  // all that ended before have been removed
};

// How long a record of a device stays after its last packet.
std::uint64_t lifetime_ns(const md_flow_key& key, const md_flow& record, const config::TrackTimeouts& timeouts);

}  // namespace meshd::flows
