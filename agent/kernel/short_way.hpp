// SPDX-License-Identifier: Apache-2.0
// The maps of the short way as verbs: what the agent decides, what the programs saw, and the sockets that leave.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "kernel/datapath.hpp"
#include "kernel/map.hpp"
#include "meshd/abi.h"

namespace meshd::kernel {

// Pairs that are on the short way now, and those that are leaving it or have left and are still open.
struct PairCounts {
    std::size_t enrolled = 0, left = 0;
};

class ShortWay {
public:
    explicit ShortWay(const Datapath& datapath);

    [[nodiscard]] base::Result<md_acceleration> decided() const;
    // `value.epoch` is ignored: it is raised each time, so that open pairs look again.
    base::Result<void> decide(md_acceleration value);
    // Open pairs look again at what md_halts and the tables say.
    base::Result<void> refresh();

    // By service id.
    [[nodiscard]] base::Result<std::map<std::uint32_t, md_halt>> halts() const;
    // Brings the map to hold exactly these. True when something changed.
    base::Result<bool> set_halts(const std::map<std::uint32_t, md_halt>& wanted) const;
    base::Result<bool> set_exclusions(const std::vector<md_exclusion>& wanted) const;

    // Sums over all CPUs, by service id.
    [[nodiscard]] base::Result<std::map<std::uint32_t, md_paths>> paths() const;
    // Pairs that a service ever had.
    [[nodiscard]] base::Result<std::uint64_t> opened(std::uint32_t service_id) const;
    base::Result<void> forget_paths(std::uint32_t service_id) const;

    [[nodiscard]] base::Result<std::vector<std::pair<std::uint64_t, md_pair>>> pairs() const;
    // In memory that does not grow with their number.
    [[nodiscard]] base::Result<PairCounts> count_pairs() const;
    [[nodiscard]] base::Result<md_look_at_pair> look(std::uint64_t pair, std::uint32_t take_out) const;
    base::Result<void> leave(std::uint64_t pair) const { return datapath_.leave(pair); }

private:
    const Datapath& datapath_;
    Map acceleration_, halts_, excluded_, paths_, pairs_;
};

}  // namespace meshd::kernel
