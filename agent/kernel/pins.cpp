// SPDX-License-Identifier: Apache-2.0
#include "kernel/pins.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include <bpf/bpf.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/unique_fd.hpp"
#include "meshd/abi.h"

namespace meshd::kernel {

namespace fs = std::filesystem;

namespace {

base::Result<void> make_directory(const std::string& path) {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return base::fail_errno("make directory", path);
    return {};
}

bool is_bpffs(const std::string& path) {
    struct statfs status {};
    return ::statfs(path.c_str(), &status) == 0 && status.f_type == BPF_FS_MAGIC;
}

// The file system has no more than two levels below a version; a name that is gone already is no error.
base::Result<void> remove_tree(const fs::path& path) {
    std::error_code error;
    std::vector<fs::path> entries;
    for (const auto& entry : fs::directory_iterator(path, error)) entries.push_back(entry.path());
    // "links" comes before "maps": programs are detached before what they read goes.
    std::sort(entries.begin(), entries.end());
    for (const auto& entry : entries) {
        if (fs::is_directory(fs::symlink_status(entry, error))) {
            if (auto removed = remove_tree(entry); !removed) return removed;
            continue;
        }
        // The kernel frees an unpinned link some time later: a program is off its hook now, not then. Not a link, or gone: fine.
        if (const base::UniqueFd fd(::bpf_obj_get(entry.c_str())); fd.valid()) ::bpf_link_detach(fd.get());
        if (::unlink(entry.c_str()) != 0 && errno != ENOENT) return base::fail_errno("remove pin", entry.string());
    }
    if (::rmdir(path.c_str()) != 0 && errno != ENOENT) return base::fail_errno("remove directory", path.string());
    return {};
}

}  // namespace

std::string Pins::version_directory() const { return top_ + "/v" + std::to_string(MD_ABI_VERSION); }

base::Result<void> Pins::make_top() const {
    const auto root = fs::path(top_).parent_path().string();
    if (!is_bpffs(root)) {
        if (root != "/sys/fs/bpf")
            return base::fail(
                {"pin under", root, 0, "no BPF file system is mounted there", "mount one: mount -t bpf bpf " + root});
        if (::mount("bpf", root.c_str(), "bpf", 0, "mode=0700") != 0)
            return base::fail_errno("mount a BPF file system on", root, "mount it by hand: mount -t bpf bpf " + root);
    }
    return make_directory(top_);
}

base::Result<void> Pins::make_version() const {
    for (const auto& path : {version_directory(), version_directory() + "/maps", version_directory() + "/links"})
        if (auto made = make_directory(path); !made) return made;
    return {};
}

std::vector<std::string> Pins::other_versions() const {
    std::vector<std::string> others;
    std::error_code error;
    const auto own = fs::path(version_directory()).filename();
    for (const auto& entry : fs::directory_iterator(top_, error))
        if (entry.is_directory(error) && entry.path().filename() != own) others.push_back(entry.path().filename().string());
    return others;
}

base::Result<bool> Pins::remove_all() const {
    std::error_code error;
    if (!fs::exists(top_, error)) return false;
    if (auto removed = remove_tree(top_); !removed) return tl::make_unexpected(removed.error());
    return true;
}

}  // namespace meshd::kernel
