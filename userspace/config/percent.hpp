// SPDX-License-Identifier: Apache-2.0
// Shares as a person writes them: "50%".
#pragma once

#include <cstdint>
#include <string_view>

#include "config/mapping_reader.hpp"

namespace meshd::config {

struct PercentRange {
    std::uint8_t least, most;
    std::string_view expected;  // in words, for the error
    bool or_zero = false;
};

// Leaves `result` as it is when the key is absent or its value was refused.
void read_percent(Document& document, const MappingReader& object, std::string_view key, std::uint8_t& result,
                  const PercentRange& range);

}  // namespace meshd::config
