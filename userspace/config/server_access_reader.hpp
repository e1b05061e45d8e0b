// SPDX-License-Identifier: Apache-2.0
// Reads how a registry's server is reached over HTTP.
#pragma once

#include <string>

#include "config/mapping_reader.hpp"
#include "model/registries.hpp"

namespace meshd::config {

// "http://127.0.0.1:8500"; a slash at the end is removed. Empty when it was refused.
std::string read_server_url(Document& document, Value value, std::string_view label);

// The keys token_file, ca, certificate, key and server_name, as far as the mapping may have them. All but the first are for
// https: without it they are refused.
void read_server_access(Document& document, const MappingReader& object, bool is_https, model::ServerAccess& result);

}  // namespace meshd::config
