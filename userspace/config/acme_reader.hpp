// SPDX-License-Identifier: Apache-2.0
// Reads the key "acme" of the section "edge" of meshd.yaml, and that of a certificate of its listeners.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/mapping_reader.hpp"
#include "model/acme.hpp"

namespace meshd::config {

void read_acme(Document& document, const MappingReader& edge, std::optional<model::AcmeSettings>& result);

// The names that a certificate is issued for. `acme`: nothing: nobody would issue it.
void read_acme_names(Document& document, const MappingReader& certificate, const std::optional<model::AcmeSettings>& acme,
                     std::vector<std::string>& result);

// What one listener's routes make of the names, and where challenges are answered.
void check_acme(Document& document, const MappingReader& listener, const model::EdgeListener& one,
                const std::optional<model::AcmeSettings>& acme);

}  // namespace meshd::config
