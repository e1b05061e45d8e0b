// SPDX-License-Identifier: Apache-2.0
// JSON Schemas (draft 2020-12) of the two kinds of file. They say what a schema can say; the parsers check more (what may not
// be given twice, which keys depend on each other).
#pragma once

#include <string_view>

namespace meshd::config {

std::string_view settings_schema();
std::string_view registry_schema();

}  // namespace meshd::config
