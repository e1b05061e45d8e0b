// SPDX-License-Identifier: Apache-2.0
// Reads what a service says about probes of its backends.
#pragma once

#include <optional>

#include "config/mapping_reader.hpp"
#include "model/health.hpp"

namespace meshd::config {

// "health" of a service.
void read_health(Document& document, const MappingReader& service, std::optional<model::Health>& result);

}  // namespace meshd::config
