// SPDX-License-Identifier: Apache-2.0
// What a cgroup id is called: the inode of its directory.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <unordered_map>

namespace meshd::flows {

class CgroupNames {
public:
    explicit CgroupNames(std::string mount) : mount_(std::move(mount)) {}

    // "/system.slice/nginx.service"; empty for one that has gone. Walks the hierarchy for an id that it does not know, but not
    // more often than once in a while.
    const std::string& path_of(std::uint64_t id);

private:
    void walk();

    std::string mount_;
    std::unordered_map<std::uint64_t, std::string> paths_;
    std::chrono::steady_clock::time_point walked_{};
};

}  // namespace meshd::flows
