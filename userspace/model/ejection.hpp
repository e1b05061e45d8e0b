// SPDX-License-Identifier: Apache-2.0
// When a node leaves out a backend because of what became of its own connections: values without I/O.
#pragma once

#include <compare>
#include <cstdint>

namespace meshd::model {

struct Ejection {
    std::uint16_t consecutive = 5;   // failures in a row that eject; 0: any number
    std::uint8_t rate_percent = 50;  // smoothed share of failures that ejects; 0: any
    std::uint32_t base_ms = 30000;   // the first ejection; the n-th in a row lasts n times as long
    std::uint32_t longest_ms = 300000;
    std::uint8_t most_percent = 50;  // of a port's usable backends that may be ejected at one time

    auto operator<=>(const Ejection&) const = default;
};

inline constexpr std::uint16_t max_consecutive = 1000;
inline constexpr std::uint8_t min_rate_percent = 10;  // below, a single failure would be enough
inline constexpr std::uint32_t min_ejection_ms = 100;
inline constexpr std::uint32_t max_ejection_ms = 24 * 60 * 60 * 1000;

}  // namespace meshd::model
