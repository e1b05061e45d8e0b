// SPDX-License-Identifier: Apache-2.0
// The maps of the limits as verbs.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>

#include "base/error.hpp"
#include "kernel/datapath.hpp"
#include "kernel/map.hpp"
#include "meshd/abi.h"

namespace meshd::kernel {

struct LimitFigures {
    std::uint32_t open = 0;
    std::uint64_t refused_connections = 0;
    std::uint64_t refused_rate = 0;
};

class LimitMaps {
public:
    explicit LimitMaps(const Datapath& datapath);

    // Brings the map to hold exactly these, by service id.
    base::Result<void> set(const std::map<std::uint32_t, md_limit>& wanted) const;

    [[nodiscard]] base::Result<std::map<std::uint32_t, LimitFigures>> figures() const;

    // Gives back the places of connections that ended without a word, or never began, and that took theirs so long ago or
    // earlier: a step of a walk through all of them. A socket that has sent its SYN is asked in the first walk and in few after
    // it, for the kernel tells of its end. How many places came back.
    [[nodiscard]] base::Result<std::size_t> repair(std::chrono::nanoseconds age);
    // Connections that were asked whether they are still there.
    [[nodiscard]] std::uint64_t asked() const { return asked_; }

private:
    struct Walk {
        Map::Cursor cursor;
        std::uint64_t number = 0;
    };
    template <typename Key, typename Value, typename Ask>
    base::Result<std::size_t> step(const Map& map, Walk& walk, const Ask& ask);
    base::Result<bool> release(std::uint64_t cookie, std::uint64_t before_ns);
    base::Result<bool> release(const md_track_key& key, std::uint64_t before_ns);

    const Datapath& datapath_;
    Map limits_, state_, open_, open_tracks_;
    Walk sockets_, tracks_;
    std::uint64_t asked_ = 0;
};

}  // namespace meshd::kernel
