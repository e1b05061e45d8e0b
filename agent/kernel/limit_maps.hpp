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

    // Gives back the places of sockets that are gone without a word, or never sent a SYN, and that took theirs so long ago or
    // earlier. How many places came back.
    [[nodiscard]] base::Result<std::size_t> repair(std::chrono::nanoseconds age) const;

private:
    const Datapath& datapath_;
    Map limits_, state_, open_;
};

}  // namespace meshd::kernel
