// SPDX-License-Identifier: Apache-2.0
// Passes over the whole table. They take as long as the table is large, so they belong on a thread of their own.
#pragma once

#include <map>
#include <utility>

#include "flows/filter.hpp"
#include "kernel/flow_maps.hpp"

namespace meshd::flows {

struct Listing {
    std::vector<Flow> flows;
    std::uint64_t matched = 0;
    std::uint64_t total = 0;  // flows in the table
};

base::Result<Listing> list(const kernel::FlowMaps& maps, const Filter& filter, control::FlowSort sort, std::size_t limit,
                           std::uint64_t now_ns);

// What open flows to one backend have come to so far.
struct OpenTraffic {
    std::uint64_t connections = 0;
    md_socket_numbers numbers{};  // sums of bytes and packets, out: to the backend
};

struct Summary {
    std::map<std::pair<std::uint32_t, std::uint32_t>, OpenTraffic> local;      // of sockets, by service id and backend id
    std::map<std::pair<std::uint32_t, std::uint32_t>, OpenTraffic> forwarded;  // by tracks, those that are over too
    std::map<std::pair<Source, State>, std::uint64_t> flows;                   // all that is in the table
};

base::Result<Summary> summarize(const kernel::FlowMaps& maps);

// The tracks of translated connections that match, both directions of each, are removed. How many connections.
base::Result<std::uint64_t> flush(const kernel::FlowMaps& maps, const Filter& filter, std::uint64_t now_ns);

std::uint64_t monotonic_ns();

}  // namespace meshd::flows
