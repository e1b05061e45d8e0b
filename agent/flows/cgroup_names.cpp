// SPDX-License-Identifier: Apache-2.0
#include "flows/cgroup_names.hpp"

#include <filesystem>
#include <system_error>
#include <vector>

#include <sys/stat.h>

namespace meshd::flows {

namespace {

using namespace std::chrono_literals;

// Some ten thousand directories are walked in less than a tenth of that.
constexpr auto shortest_interval = 1s;

}  // namespace

const std::string& CgroupNames::path_of(std::uint64_t id) {
    static const std::string unknown;
    auto found = paths_.find(id);
    if (found == paths_.end() && id != 0 && std::chrono::steady_clock::now() - walked_ >= shortest_interval) {
        walk();
        found = paths_.find(id);
    }
    return found == paths_.end() ? unknown : found->second;
}

void CgroupNames::walk() {
    namespace fs = std::filesystem;
    walked_ = std::chrono::steady_clock::now();
    paths_.clear();
    const auto note = [this](const fs::path& path) {
        struct stat status {};
        if (::stat(path.c_str(), &status) != 0) return;
        auto name = path.string().substr(mount_.size());
        paths_.emplace(status.st_ino, name.empty() ? "/" : std::move(name));
    };
    note(mount_);
    // One directory after the other: those that vanish meanwhile cost no more than themselves.
    std::vector<fs::path> waiting{mount_};
    while (!waiting.empty()) {
        const auto directory = std::move(waiting.back());
        waiting.pop_back();
        std::error_code error;
        for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
            std::error_code vanished;
            if (entry->is_symlink(vanished) || !entry->is_directory(vanished)) continue;
            note(entry->path());
            waiting.push_back(entry->path());
        }
    }
}

}  // namespace meshd::flows
