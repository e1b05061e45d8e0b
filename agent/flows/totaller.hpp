// SPDX-License-Identifier: Apache-2.0
// What went to each backend: what the programs counted of connections that have ended, and what those that are open say.
#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "flows/names.hpp"
#include "flows/scan.hpp"

namespace meshd::flows {

// Id of a service's backends that are no more, all together: no backend has it.
inline constexpr std::uint32_t gone_backends = 0;

void add(md_traffic& sum, const md_traffic& part);

struct BackendTraffic {
    md_traffic counted{};  // bytes with those of open connections
    std::uint64_t open = 0;
    OpenTraffic forwarded;
};

struct Totals {
    std::map<std::pair<std::uint32_t, std::uint32_t>, BackendTraffic> backends;  // by service id and backend id
    std::map<std::pair<Source, State>, std::uint64_t> flows;
    std::uint32_t capacity = 0;  // for flows of sockets
    std::uint32_t device_capacity = 0;
};

// Keeps what was last said, since a connection that ends while it is read would make a counter go back for a moment.
class Totaller {
public:
    explicit Totaller(const kernel::FlowMaps& maps) : maps_(maps) {}

    base::Result<Totals> read();
    // What backends that are no more came to goes over to their service once all their connections have ended, so that its sums
    // never fall, not even with a restart of the agent. What services that are no more came to is forgotten.
    base::Result<void> retire(const Names& names);

private:
    const kernel::FlowMaps& maps_;
    std::map<std::pair<std::uint32_t, std::uint32_t>, md_traffic> said_;
};

}  // namespace meshd::flows
