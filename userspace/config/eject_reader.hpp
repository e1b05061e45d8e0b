// SPDX-License-Identifier: Apache-2.0
// Reads what of its own connections makes a node leave out a backend.
#pragma once

#include <optional>

#include "config/mapping_reader.hpp"
#include "model/ejection.hpp"

namespace meshd::config {

// "eject" of "health".
void read_ejection(Document& document, const MappingReader& health, std::optional<model::Ejection>& result);

}  // namespace meshd::config
