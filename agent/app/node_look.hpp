// SPDX-License-Identifier: Apache-2.0
// What the system says of the agent's surroundings: directories, limits, the clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <sys/types.h>

namespace meshd::app {

struct DirectoryLook {
    std::string path;
    std::string error;  // why the rest is not known
    uid_t owner = 0;
    mode_t mode = 0;  // permissions
    std::uint64_t free_bytes = 0;
    bool has_free_files = true;
};
DirectoryLook look_at_directory(const std::string& path);

struct OpenFiles {
    std::uint64_t used = 0, limit = 0;
};
// Nothing: the system does not tell.
std::optional<OpenFiles> look_at_open_files(pid_t process);

struct ClockLook {
    std::chrono::system_clock::time_point now;
    bool is_synchronized = false;  // by NTP or the like, as far as the kernel was told
};
ClockLook look_at_clock();

bool is_bpffs(const std::string& path);
bool has_group(const std::string& name);

}  // namespace meshd::app
