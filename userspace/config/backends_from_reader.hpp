// SPDX-License-Identifier: Apache-2.0
// Reads where the backends of a service come from when its file does not list them.
#pragma once

#include <string>
#include <vector>

#include "config/backend_reader.hpp"
#include "config/mapping_reader.hpp"

namespace meshd::config {

inline constexpr std::size_t max_tags = 16;

// "tags" of Consul, sorted, each once.
void read_tags(Document& document, const MappingReader& object, std::vector<std::string>& result);

// Fills ports, backends_from and target_ports of result.service. The ports must have passed their own checks.
void read_backends_from(Document& document, Value value, const std::vector<PortDraft>& ports, model::Service& result);

}  // namespace meshd::config
