// SPDX-License-Identifier: Apache-2.0
// Reads which services of this host are announced, and where.
#pragma once

#include <vector>

#include "config/mapping_reader.hpp"
#include "model/announcement.hpp"
#include "model/registries.hpp"

namespace meshd::config {

// "announce" of meshd.yaml. The registries must have been read.
void read_announcements(Document& document, const MappingReader& top, const model::Registries& registries,
                        std::vector<model::Announcement>& result);

}  // namespace meshd::config
