// SPDX-License-Identifier: Apache-2.0
#include "app/node_look.hpp"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include <grp.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/vfs.h>

namespace meshd::app {

namespace {

constexpr mode_t permissions = 07777;

std::string why() { return std::generic_category().message(errno); }

}  // namespace

DirectoryLook look_at_directory(const std::string& path) {
    DirectoryLook look{path, {}, 0, 0, 0, true};
    struct stat status {};
    struct statvfs space {};
    if (::stat(path.c_str(), &status) != 0 || ::statvfs(path.c_str(), &space) != 0) {
        look.error = why();
        return look;
    }
    look.owner = status.st_uid;
    look.mode = status.st_mode & permissions;
    look.free_bytes = static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize;
    look.has_free_files = space.f_files == 0 || space.f_favail != 0;  // some file systems do not count them
    return look;
}

// proc_pid_limits(5): "Max open files            1024                 524288               files".
std::optional<OpenFiles> look_at_open_files(pid_t process) {
    const auto directory = "/proc/" + std::to_string(process);
    std::error_code error;
    const std::filesystem::directory_iterator open(directory + "/fd", error);
    if (error) return std::nullopt;
    OpenFiles files;
    files.used = static_cast<std::uint64_t>(std::distance(begin(open), end(open)));
    std::ifstream limits(directory + "/limits");
    constexpr std::string_view title = "Max open files";
    for (std::string line; std::getline(limits, line);)
        if (line.starts_with(title)) {
            std::istringstream fields(line.substr(title.size()));
            if (fields >> files.limit) return files;
        }
    return std::nullopt;
}

ClockLook look_at_clock() {
    struct timex state {};
    const bool is_known = ::adjtimex(&state) >= 0;
    return {std::chrono::system_clock::now(), is_known && (state.status & STA_UNSYNC) == 0};
}

bool is_bpffs(const std::string& path) {
    struct statfs file_system {};
    return ::statfs(path.c_str(), &file_system) == 0 && file_system.f_type == BPF_FS_MAGIC;
}

bool has_group(const std::string& name) {
    return ::getgrnam(name.c_str()) != nullptr;
}  // NOLINT(concurrency-mt-unsafe): one thread

}  // namespace meshd::app
