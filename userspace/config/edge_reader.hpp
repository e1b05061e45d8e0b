// SPDX-License-Identifier: Apache-2.0
// Reads the section "edge" of meshd.yaml.
#pragma once

#include <optional>

#include "config/mapping_reader.hpp"
#include "model/acme.hpp"
#include "model/edge.hpp"

namespace meshd::config {

void read_edge(Document& document, const MappingReader& top, model::EdgeListeners& result,
               std::optional<model::AcmeSettings>& acme);

// The list "alpn" of what is offered, the best first.
void read_protocols(Document& document, const MappingReader& object, std::vector<std::string>& result);

}  // namespace meshd::config
