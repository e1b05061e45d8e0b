// SPDX-License-Identifier: Apache-2.0
// Writes files that must be whole and, as the case may be, nobody else's to read.
#pragma once

#include <string>
#include <string_view>

#include <sys/types.h>

#include "base/error.hpp"

namespace meshd::tls {

inline constexpr mode_t for_all = 0644;
inline constexpr mode_t for_owner = 0600;

// Takes the place of what was there in one step, and is on the disk when it returns.
base::Result<void> replace_file(const std::string& path, std::string_view text, mode_t mode);

}  // namespace meshd::tls
