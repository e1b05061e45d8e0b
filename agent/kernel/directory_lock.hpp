// SPDX-License-Identifier: Apache-2.0
// One agent for each root: an flock on the root's own directory, which ends with the process however it ends.
#pragma once

#include <string>

#include "base/error.hpp"
#include "base/unique_fd.hpp"

namespace meshd::kernel {

class DirectoryLock {
public:
    // The directory must exist. When another process has the lock, the error names its pid.
    static base::Result<DirectoryLock> take(const std::string& directory);

private:
    explicit DirectoryLock(base::UniqueFd fd) : fd_(std::move(fd)) {}
    base::UniqueFd fd_;
};

}  // namespace meshd::kernel
