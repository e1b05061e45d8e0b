// SPDX-License-Identifier: Apache-2.0
#include "kernel/cgroup.hpp"

#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

namespace meshd::kernel {

// proc_pid_mountinfo(5): fields up to the separator " - ", then type, source and options of the file system.
base::Result<std::string> cgroup_mount() {
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; std::getline(mounts, line);) {
        const auto separator = line.find(" - cgroup2 ");
        if (separator == std::string::npos) continue;
        std::istringstream fields(line.substr(0, separator));
        std::string id, parent, device, root, mount_point;
        fields >> id >> parent >> device >> root >> mount_point;
        // Another root: a part of the hierarchy, as container runtimes mount it.
        if (root == "/" || root == "/..") return mount_point;
    }
    return base::fail({"find", "cgroup v2", 0, "it is not mounted", "mount it: mount -t cgroup2 none /sys/fs/cgroup/unified"});
}

std::string own_cgroup(const std::string& mount) {
    std::ifstream lines("/proc/self/cgroup");
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with("0::/")) return line == "0::/" ? mount : mount + line.substr(3);
    return {};
}

base::Result<Cgroup> Cgroup::open(const std::string& wanted) {
    auto path = wanted;
    if (path == "auto") {
        auto found = cgroup_mount();
        if (!found) return tl::make_unexpected(found.error());
        path = *found;
    }
    base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.valid())
        return base::fail_errno("open cgroup", path, "name a directory of cgroup v2 with `cgroup` in the configuration");
    struct statfs file_system {};
    if (::fstatfs(fd.get(), &file_system) != 0 || file_system.f_type != CGROUP2_SUPER_MAGIC)
        return base::fail({"use", path, 0, "it is no directory of cgroup v2", "set `cgroup: auto`, or see /proc/self/mountinfo"});
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) return base::fail_errno("look at cgroup", path);
    return Cgroup(std::move(fd), path, status.st_ino);
}

namespace {

std::optional<std::string> exclusive_program(const std::string& path, bpf_attach_type type) {
    const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    std::array<__u32, 64> ids{};
    __u32 flags = 0;
    __u32 count = ids.size();
    if (!fd.valid() || ::bpf_prog_query(fd.get(), type, 0, &flags, ids.data(), &count) != 0 || count == 0) return std::nullopt;
    if ((flags & BPF_F_ALLOW_MULTI) != 0) return std::nullopt;

    std::string name = "?";
    const base::UniqueFd program(::bpf_prog_get_fd_by_id(ids[0]));
    bpf_prog_info info{};
    __u32 size = sizeof info;
    if (program.valid() && ::bpf_obj_get_info_by_fd(program.get(), &info, &size) == 0) name = info.name;
    return "program '" + name + "' (id " + std::to_string(ids[0]) + "), attached exclusively to " + path;
}

}  // namespace

std::optional<std::string> Cgroup::blocker(bpf_attach_type type) const {
    for (auto at = std::filesystem::path(path_);; at = at.parent_path()) {
        struct statfs file_system {};
        if (::statfs(at.c_str(), &file_system) != 0 || file_system.f_type != CGROUP2_SUPER_MAGIC) return std::nullopt;
        if (auto found = exclusive_program(at.string(), type)) return found;
        if (!at.has_relative_path()) return std::nullopt;
    }
}

}  // namespace meshd::kernel
