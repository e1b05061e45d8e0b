// SPDX-License-Identifier: Apache-2.0
// Reads the keys "signing" and "issuer" of the section "tls" of meshd.yaml.
#pragma once

#include "config/mapping_reader.hpp"
#include "model/tls.hpp"

namespace meshd::config {

// After everything else of the section.
void read_signing(Document& document, const MappingReader& tls, model::NodeTls& node);
void read_issuer(Document& document, const MappingReader& tls, model::NodeTls& node);

// Without files a workload asks for a certificate under its name: what cannot be an identity is refused.
void check_issued_name(Document& document, const MappingReader& identity, const model::NodeTls& node,
                       const model::WorkloadIdentity& one);

}  // namespace meshd::config
