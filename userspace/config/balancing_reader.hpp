// SPDX-License-Identifier: Apache-2.0
// Reads how backends are chosen: "balancing" and "subsets" of a service, "labels" of a backend, "locality" of a node.
#pragma once

#include "config/mapping_reader.hpp"
#include "model/service.hpp"

namespace meshd::config {

void read_balancing(Document& document, const MappingReader& service, model::Service& result);
void read_subsets(Document& document, const MappingReader& service, model::Service& result);

// "labels" of a backend or a subset.
void read_labels(Document& document, const MappingReader& object, model::Labels& result);

}  // namespace meshd::config
