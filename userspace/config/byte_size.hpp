// SPDX-License-Identifier: Apache-2.0
// Sizes as people write them: a whole number and a unit, "256MiB". No unit by default, and none of those that mean 1000 to some
// and 1024 to others.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace meshd::config {

inline constexpr std::array<std::string_view, 3> byte_units{"KiB", "MiB", "GiB"};

// Digits without a leading zero and one of byte_units, nothing before, between or behind; the product fits into 64 bits.
std::optional<std::uint64_t> parse_byte_size(std::string_view text);

}  // namespace meshd::config
