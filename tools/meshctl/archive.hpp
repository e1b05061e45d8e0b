// SPDX-License-Identifier: Apache-2.0
// A compressed archive (tar.gz) that its owner alone can read.
#pragma once

#include <string>
#include <vector>

#include "base/error.hpp"

namespace meshd::meshctl {

struct ArchiveMember {
    std::string name;  // with folders
    std::string content;
};

// A file that is there already is refused, and so is a symbolic link. After an error nothing is left.
base::Result<void> write_archive(const std::string& path, const std::vector<ArchiveMember>& members);

}  // namespace meshd::meshctl
