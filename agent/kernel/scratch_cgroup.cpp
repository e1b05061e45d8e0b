// SPDX-License-Identifier: Apache-2.0
#include "kernel/scratch_cgroup.hpp"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/unique_fd.hpp"

namespace meshd::kernel {

namespace {

constexpr std::string_view prefix = "meshd-trial-";

// One that an agent was killed in the middle of. rmdir() refuses where a process still is.
void remove_leftovers(const std::string& below) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(below, error)) {
        const auto name = entry.path().filename().string();
        if (name.compare(0, prefix.size(), prefix) != 0) continue;
        pid_t owner = 0;
        std::from_chars(name.data() + prefix.size(), name.data() + name.size(), owner);
        if (owner > 0 && ::kill(owner, 0) != 0 && errno == ESRCH) ::rmdir(entry.path().c_str());
    }
}

}  // namespace

base::Result<ScratchCgroup> ScratchCgroup::make(const std::string& below) {
    const auto parent = Cgroup::open(below);
    if (!parent) return tl::make_unexpected(parent.error());
    remove_leftovers(parent->path());
    ScratchCgroup made(parent->path() + "/" + std::string(prefix) + std::to_string(::getpid()));
    if (::mkdir(made.path_.c_str(), 0755) != 0 && errno != EEXIST) {
        const auto path = std::exchange(made.path_, {});
        return base::fail_errno("make cgroup", path, "run as root, and let the service manager delegate the cgroup");
    }
    auto opened = Cgroup::open(made.path_);
    if (!opened) return tl::make_unexpected(opened.error());
    made.cgroup_.emplace(std::move(*opened));
    return made;
}

ScratchCgroup::ScratchCgroup(ScratchCgroup&& other) noexcept
    : path_(std::exchange(other.path_, {})), cgroup_(std::move(other.cgroup_)) {}

ScratchCgroup::~ScratchCgroup() {
    cgroup_.reset();
    if (!path_.empty()) ::rmdir(path_.c_str());
}

base::Result<void> ScratchCgroup::enter() const {
    const auto path = path_ + "/cgroup.procs";
    const base::UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file.valid() || ::write(file.get(), "0", 1) != 1) return base::fail_errno("enter cgroup", path_);
    return {};
}

}  // namespace meshd::kernel
