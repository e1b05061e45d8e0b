// SPDX-License-Identifier: Apache-2.0
// What a scalar without quotes means: YAML 1.2, chapter 10.3 (core schema).
#pragma once

#include <cstdint>
#include <string_view>

namespace meshd::config {

enum class PlainType : std::uint8_t { text, nothing, boolean, number };

PlainType plain_type(std::string_view text);

// Whether a reader of YAML 1.1 or 1.2 could take text for anything else than text: also yes and no, 12:30, 1_000 and dates.
bool needs_quotes(std::string_view text);

}  // namespace meshd::config
