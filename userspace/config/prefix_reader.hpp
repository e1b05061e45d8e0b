// SPDX-License-Identifier: Apache-2.0
// Reads ranges of addresses, and the section "bounds" of meshd.yaml, which has lists of them.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "base/prefix.hpp"
#include "config/mapping_reader.hpp"
#include "model/bounds.hpp"

namespace meshd::config {

// Nothing: it was refused. `label`: "\"cidr\"", as errors call it.
std::optional<base::Prefix> read_prefix(Document& document, Value value, std::string_view label);

inline constexpr std::array<std::string_view, 2> bounds_keys{"addresses", "backends"};
void read_bounds(Document& document, const MappingReader& section, model::Bounds& result);

}  // namespace meshd::config
