// SPDX-License-Identifier: Apache-2.0
// Small files of the state directory that hold what a person has said.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace meshd::health {

// Written beside, synchronised and renamed: a person was told that it holds. Makes the directory when there is none.
base::Result<void> write_kept_file(const std::string& directory, const std::string& path, std::string_view text);
base::Result<std::optional<std::string>> read_kept_file(const std::string& path);  // no file: nothing

}  // namespace meshd::health
