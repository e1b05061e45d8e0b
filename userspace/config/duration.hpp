// SPDX-License-Identifier: Apache-2.0
// Times as a person writes them: "1500ms", "30s", "5m", "2h".
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "config/mapping_reader.hpp"

namespace meshd::config {

// A whole number and a unit (ms, s, m, h); nothing for anything else.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

struct DurationRange {
    std::chrono::milliseconds least, most;
    std::string_view expected;  // in words, for the error: "a time from 1s to 1h (units: ms, s, m, h)"
};

// Leaves `result` as it is when the key is absent or its value was refused.
void read_duration(Document& document, const MappingReader& object, std::string_view key, std::chrono::milliseconds& result,
                   const DurationRange& range);

}  // namespace meshd::config
