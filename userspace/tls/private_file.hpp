// SPDX-License-Identifier: Apache-2.0
// Writes files that must be whole and, as the case may be, nobody else's to read.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "base/error.hpp"

namespace meshd::tls {

inline constexpr mode_t for_all = 0644;
inline constexpr mode_t for_owner = 0600;

struct Owner {
    uid_t user = 0;
    gid_t group = 0;
};

// Takes the place of what was there in one step, and is on the disk when it returns. `owner`: whose it shall be, if this process
// may give files away; else, and without one, it is this process'.
base::Result<void> replace_file(const std::string& path, std::string_view text, mode_t mode,
                                const std::optional<Owner>& owner = std::nullopt);

// Does so with a file or directory that is there. Without the right to it nothing happens, and that is no error.
base::Result<void> give_to(int file, const std::string& path, const Owner& owner);

}  // namespace meshd::tls
