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
constexpr int deepest = 3;  // account-X/private/key.pem

base::Result<void> give_all(int directory, const std::string& path, const Identity& owner, int depth);

base::Result<void> give_entry(int directory, const std::string& name, const std::string& path, const Identity& owner, int depth) {
    const base::UniqueFd file(::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat status {};
    if (!file.valid() || ::fstat(file.get(), &status) != 0) return {};
    if (S_ISDIR(status.st_mode)) return depth < deepest ? give_all(file.get(), path, owner, depth + 1) : base::Result<void>{};
    if (S_ISREG(status.st_mode) && status.st_nlink == 1 && ::fchown(file.get(), owner.uid, owner.gid) != 0)
        return base::fail_errno(operation, path);
    return {};
}

// As an earlier worker's user left it: files are given by their descriptors, since their names are not the agent's.
base::Result<void> give_all(int directory, const std::string& path, const Identity& owner, int depth) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator("/proc/self/fd/" + std::to_string(directory), error)) {
        const auto name = entry.path().filename().string();
        if (auto given = give_entry(directory, name, path + "/" + name, owner, depth); !given) return given;
    }
    if (::fchown(directory, owner.uid, owner.gid) != 0) return base::fail_errno(operation, path);
    return {};
}

base::Result<void> make(const config::Settings& settings, const std::string& path) {
    const auto owner = resolve_user(settings.worker_user);
    if (!owner) return tl::make_unexpected(owner.error());
    std::error_code error;
    fs::create_directories(settings.state_directory, error);  // or mkdir() tells
    const bool is_new = ::mkdir(path.c_str(), owner_only) == 0;
    if (!is_new && errno != EEXIST) return base::fail_errno(operation, path);
    const base::UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat status {};
    if (!directory.valid() || ::fstat(directory.get(), &status) != 0) return base::fail_errno(operation, path);
    if (*owner && (status.st_uid != (*owner)->uid || status.st_gid != (*owner)->gid)) {
        // One that somebody names may be anything, and have anything in it.
        if (!is_new && !path.starts_with(settings.state_directory + "/"))
            return base::fail({std::string(operation), path, 0, "it is there, and not of the user " + settings.worker_user,
                               "give it to that user (chown), or name one that is not there"});
        if (auto given = give_all(directory.get(), path, **owner, 1); !given) return given;
    }
    if (::fchmod(directory.get(), owner_only) != 0) return base::fail_errno(operation, path);
    return {};
}

}  // namespace

base::Result<void> make_issued_directory(const config::Settings& settings) {
    if (!settings.tls || !settings.tls->issuer) return {};
    return make(settings, settings.tls->issuer->directory);
}

base::Result<void> make_storage_directory(const config::Settings& settings) {
    if (!settings.acme) return {};
    return make(settings, settings.acme->storage);
}

}  // namespace meshd::app
