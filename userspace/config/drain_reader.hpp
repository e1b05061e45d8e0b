// SPDX-License-Identifier: Apache-2.0
// Reads the key "drain" of a service: what becomes of sockets whose backend leaves.
#pragma once

#include "config/mapping_reader.hpp"
#include "model/service_settings.hpp"

namespace meshd::config {

void read_drain(Document& document, const MappingReader& service, model::DrainSettings& result);

}  // namespace meshd::config
