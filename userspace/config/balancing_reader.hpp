// SPDX-License-Identifier: Apache-2.0
// Reads how backends are chosen: "balancing" and "subsets" of a service, "labels" of a backend.
#pragma once

#include "config/mapping_reader.hpp"
#include "model/service_settings.hpp"

namespace meshd::config {

// `is_whole`: what is not given is as usual, else it can be anything.
void read_balancing(Document& document, const MappingReader& service, bool is_whole, model::BalancingSettings& result);
void read_subsets(Document& document, const MappingReader& service, std::optional<std::vector<model::Subset>>& result);

// "labels" of a backend or a subset.
void read_labels(Document& document, const MappingReader& object, model::Labels& result);

}  // namespace meshd::config
