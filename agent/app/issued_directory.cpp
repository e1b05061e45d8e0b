// SPDX-License-Identifier: Apache-2.0
#include "app/issued_directory.hpp"

#include <cerrno>
#include <filesystem>
#include <optional>

#include <fcntl.h>
#include <sys/stat.h>

#include "app/worker_child.hpp"
#include "base/unique_fd.hpp"

namespace meshd::app {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view operation = "make the directory of issued certificates";
constexpr mode_t owner_only = 0700;

// As an earlier worker's user left it: files are given by their descriptors, since their names are not the agent's.
base::Result<void> give(int directory, const std::string& path, const Identity& owner) {
    struct stat status {};
    if (::fstat(directory, &status) != 0) return base::fail_errno(operation, path);
    if (status.st_uid == owner.uid && status.st_gid == owner.gid) return {};
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(path, error)) {
        const auto name = entry.path().filename().string();
        const base::UniqueFd file(::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
        struct stat of_file {};
        if (file.valid() && ::fstat(file.get(), &of_file) == 0 && S_ISREG(of_file.st_mode) && of_file.st_nlink == 1 &&
            ::fchown(file.get(), owner.uid, owner.gid) != 0)
            return base::fail_errno(operation, path + "/" + name);
    }
    if (::fchown(directory, owner.uid, owner.gid) != 0) return base::fail_errno(operation, path);
    return {};
}

}  // namespace

base::Result<void> make_issued_directory(const config::Settings& settings) {
    if (!settings.tls || !settings.tls->issuer) return {};
    const auto& path = settings.tls->issuer->directory;
    const auto owner = resolve_user(settings.worker_user);
    if (!owner) return tl::make_unexpected(owner.error());
    std::error_code error;
    fs::create_directories(settings.state_directory, error);  // or mkdir() tells
    if (::mkdir(path.c_str(), owner_only) != 0 && errno != EEXIST) return base::fail_errno(operation, path);
    const base::UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!directory.valid()) return base::fail_errno(operation, path);
    if (*owner)
        if (auto given = give(directory.get(), path, **owner); !given) return given;
    if (::fchmod(directory.get(), owner_only) != 0) return base::fail_errno(operation, path);
    return {};
}

}  // namespace meshd::app
