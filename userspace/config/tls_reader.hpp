// SPDX-License-Identifier: Apache-2.0
// Reads the section "tls" of meshd.yaml and the key "tls" of a service.
#pragma once

#include <optional>

#include "config/mapping_reader.hpp"
#include "model/service_settings.hpp"
#include "model/tls.hpp"

namespace meshd::config {

// `has_cluster`: a registry can tell of pods.
void read_node_tls(Document& document, const MappingReader& top, bool has_cluster, std::optional<model::NodeTls>& result);

// The section "origination". `has_tls`: the section "tls" says the rest.
void read_origination(Document& document, const MappingReader& top, bool has_tls, model::NodeOrigination& result);

// `is_whole`: what is not given is as usual.
void read_service_tls(Document& document, const MappingReader& service, bool is_whole, model::TlsSettings& result);

}  // namespace meshd::config
