// SPDX-License-Identifier: Apache-2.0
#include "kernel/pins.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <optional>

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

// The kernel frees an unpinned link some time later: a program is off its hook now, not then. Not a link, or gone: fine.
void take_off(const fs::path& pin) {
    if (const base::UniqueFd fd(::bpf_obj_get(pin.c_str())); fd.valid()) ::bpf_link_detach(fd.get());
}

// The number of "v7"; nothing for other names.
std::optional<int> version_of(const std::string& name) {
    int version = 0;
    const auto* const end = name.data() + name.size();
    if (name.size() < 2 || name.front() != 'v') return std::nullopt;
    const auto [stop, failed] = std::from_chars(name.data() + 1, end, version);
    if (failed != std::errc{} || stop != end) return std::nullopt;
    return version;
}

}  // namespace

// The file system has no more than two levels below a version; a name that is gone already is no error.
base::Result<void> remove_pins(const std::string& directory, const std::string& kept) {
    std::error_code error;
    std::vector<fs::path> entries;
    for (const auto& entry : fs::directory_iterator(directory, error)) entries.push_back(entry.path());
    // "links" comes before "maps": programs are detached before what they read goes.
    std::sort(entries.begin(), entries.end());
    for (const auto& entry : entries) {
        if (fs::is_directory(fs::symlink_status(entry, error))) {
            if (auto removed = remove_pins(entry, kept); !removed) return removed;
            continue;
        }
        if (kept.empty() || !fs::exists(fs::path(kept) / entry.filename(), error)) take_off(entry);
        if (::unlink(entry.c_str()) != 0 && errno != ENOENT) return base::fail_errno("remove pin", entry.string());
    }
    if (::rmdir(directory.c_str()) != 0 && errno != ENOENT) return base::fail_errno("remove directory", directory);
    return {};
}

Pins::Pins(const std::string& bpffs)
    : top_(bpffs + "/meshd"), directory_(std::make_shared<std::string>(in_use(MD_ABI_VERSION))) {}

void Pins::work_aside() const { *directory_ = aside(MD_ABI_VERSION); }
void Pins::work_in_place() const { *directory_ = in_use(MD_ABI_VERSION); }

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

base::Result<std::vector<int>> Pins::other_versions() const {
    std::vector<int> others;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(top_, error)) {
        if (!entry.is_directory(error)) continue;
        const auto version = version_of(entry.path().filename().string());
        if (!version)
            return base::fail({"use pins under", top_, 0,
                               "there is " + entry.path().filename().string() + ", of no version of meshd",
                               "remove it, or choose another `bpffs`"});
        if (*version != MD_ABI_VERSION) others.push_back(*version);
    }
    std::sort(others.begin(), others.end());
    return others;
}

std::vector<int> Pins::versions_aside() const {
    std::vector<int> all;
    std::error_code error;
    const auto prefix = fs::path(top_).filename().string() + "-";
    for (const auto& entry : fs::directory_iterator(fs::path(top_).parent_path(), error)) {
        const auto name = entry.path().filename().string();
        if (!name.starts_with(prefix)) continue;
        if (const auto version = version_of(name.substr(prefix.size()))) all.push_back(*version);
    }
    std::sort(all.begin(), all.end());
    return all;
}

base::Result<bool> Pins::remove_all() const {
    std::error_code error;
    for (const auto version : versions_aside())
        if (auto removed = remove_pins(aside(version)); !removed) return tl::make_unexpected(removed.error());
    if (!fs::exists(top_, error)) return false;
    if (auto removed = remove_pins(top_); !removed) return tl::make_unexpected(removed.error());
    return true;
}

}  // namespace meshd::kernel
