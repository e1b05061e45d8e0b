// SPDX-License-Identifier: Apache-2.0
// Reads when a service leaves out backends by itself.
#pragma once

#include "config/mapping_reader.hpp"
#include "model/health.hpp"

namespace meshd::config {

// "health" of a service.
void read_health(Document& document, const MappingReader& service, model::Health& result);

}  // namespace meshd::config
