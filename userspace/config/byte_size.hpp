// SPDX-License-Identifier: Apache-2.0
// Sizes as people write them: a whole number and a unit, "256MiB". No unit by default, and none of those that mean 1000 to some
// and 1024 to others.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "config/mapping_reader.hpp"

namespace meshd::config {

inline constexpr std::array<std::string_view, 3> byte_units{"KiB", "MiB", "GiB"};

// Digits without a leading zero and one of byte_units, nothing before, between or behind; the product fits into 64 bits.
std::optional<std::uint64_t> parse_byte_size(std::string_view text);

struct ByteSizeRange {
    std::uint64_t least, most;
    std::string_view expected;  // in words, for the error: "a size from 1MiB to 1024GiB (units: KiB, MiB, GiB)"
};

// Leaves `result` as it is when the key is absent or its value was refused.
void read_byte_size(Document& document, const MappingReader& object, std::string_view key, std::uint64_t& result,
                    const ByteSizeRange& range);

}  // namespace meshd::config
