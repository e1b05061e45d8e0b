// SPDX-License-Identifier: Apache-2.0
// The directory of a file registry: which of its entries are registry files.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace meshd::registry {

// *.yaml and *.yml that are not hidden. What editors leave beside a file (web.yaml~, .web.yaml.swp, #web.yaml#, 4913) is none.
bool is_registry_file_name(std::string_view name);

// Names of entries that are called like registry files, in order. Subdirectories may be among them.
base::Result<std::set<std::string>> list_registry_files(const std::string& directory);

}  // namespace meshd::registry
