// SPDX-License-Identifier: Apache-2.0
// Reads which registries meshd.yaml names beside the directory of files.
#pragma once

#include <array>
#include <string_view>

#include "config/mapping_reader.hpp"
#include "model/registries.hpp"

namespace meshd::config {

inline constexpr std::array<std::string_view, 9> registry_keys{"files", "consul", "etcd",   "kubernetes", "dns",
                                                               "order", "hold",   "resync", "store"};
inline constexpr std::size_t max_registries = 16;  // of one kind
inline constexpr std::size_t max_servers = 16;     // of one registry

// All keys of the section but "files" and "store".
void read_registries(Document& document, const MappingReader& section, model::Registries& result);

// The registry that `meshctl apply` writes to: one of those that it can write to.
void read_store(Document& document, const MappingReader& section, const model::Registries& registries, std::string& result);

}  // namespace meshd::config
