// SPDX-License-Identifier: Apache-2.0
// Reads the section "picture" of meshd.yaml.
#pragma once

#include <optional>

#include "config/mapping_reader.hpp"
#include "model/picture.hpp"

namespace meshd::config {

void read_picture(Document& document, const MappingReader& top, std::optional<model::PictureSettings>& result);

}  // namespace meshd::config
