// SPDX-License-Identifier: Apache-2.0
// How backends do, as the programs have seen it, and what that is worth to them.
#pragma once

#include <cstdint>
#include <optional>

#include "kernel/datapath.hpp"

namespace meshd::kernel {

// As of now: smoothed values have decayed.
struct Vitals {
    std::int32_t open = 0;
    std::uint32_t connect_us = 0;   // 0: not known
    std::uint32_t response_us = 0;  // likewise
    double failures = 0;            // share
    md_vitals raw{};                // as they stand in the map
    std::uint64_t now_ns = 0;       // CLOCK_MONOTONIC
};

// Nothing: there is no entry, or it cannot be read.
std::optional<Vitals> read_vitals(const Datapath& datapath, std::uint32_t backend_id);

// What two draws are compared by, the lower the better: of MD_PICK_LATENCY microseconds, of MD_PICK_LEAST open connections, with
// the one to come, for each unit of weight. Nothing for other picks.
std::optional<double> score_of(const Vitals& vitals, std::uint8_t pick, std::uint16_t weight, const md_balancing* balancing);

}  // namespace meshd::kernel
