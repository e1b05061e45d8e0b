// SPDX-License-Identifier: Apache-2.0
// Places in a text that nobody sees as lines, an object of an API server: as the path of the field.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "config/tree.hpp"

namespace meshd::config {

// "services[0].balancing.policy" for the key or the value that stands there; empty for the whole, and where nothing begins.
std::string field_at(std::string_view text, Mark mark);

// In an error: each place "LABELNAME:LINE:COLUMN" becomes "LABELNAME: ROOT.FIELD". `text_of` tells the text that NAME stands for.
using TextOf = std::function<const std::string*(const std::string& name)>;
std::string name_fields(std::string message, std::string_view label, std::string_view root, const TextOf& text_of);

}  // namespace meshd::config
