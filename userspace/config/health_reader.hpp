// SPDX-License-Identifier: Apache-2.0
// Reads when a service leaves out backends by itself.
#pragma once

#include "config/mapping_reader.hpp"
#include "model/service_settings.hpp"

namespace meshd::config {

// "probe" of it, or of an announcement.
void read_probe(Document& document, Value value, model::Probe& result);

// "health" of a service.
void read_health(Document& document, const MappingReader& service, model::HealthSettings& result);

}  // namespace meshd::config
