// SPDX-License-Identifier: Apache-2.0
// Reads the section "acceleration" of meshd.yaml, and the key of a service that has the same name.
#pragma once

#include <array>
#include <string_view>

#include "config/acceleration.hpp"
#include "config/mapping_reader.hpp"
#include "model/service.hpp"

namespace meshd::config {

inline constexpr std::array<std::string_view, 4> acceleration_keys{"mode", "default", "memory", "exclude"};

// Both leave as it is what the file does not say. Check document.ok() before the result is used.
void read_acceleration(Document& document, const MappingReader& section, Acceleration& result);
void read_acceleration(Document& document, const MappingReader& service, model::Acceleration& result);

}  // namespace meshd::config
