// SPDX-License-Identifier: Apache-2.0
#include "kernel/hook_programs.hpp"

#include <array>
#include <cerrno>
#include <filesystem>
#include <set>

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include "base/unique_fd.hpp"
#include "kernel/links.hpp"
#include "kernel/tls_hooks.hpp"

namespace meshd::kernel {

namespace {

std::string how(std::uint32_t flags) {
    if ((flags & BPF_F_ALLOW_MULTI) != 0) return "beside others";
    return (flags & BPF_F_ALLOW_OVERRIDE) != 0 ? "overridable" : "exclusively";
}

std::set<std::uint32_t> own_programs(const Datapath& datapath) {
    std::set<std::uint32_t> ids;
    for (const auto& program : datapath.programs()) ids.insert(program.id);
    for (const auto& program : tls_programs(datapath)) ids.insert(program.id);
    for (const auto& hook : response_hooks) ids.insert(datapath.program_id(hook.program));
    return ids;
}

// Attached to this very cgroup.
base::Result<void> look(const std::string& cgroup, const std::set<std::uint32_t>& own, std::vector<HookProgram>& found) {
    const base::UniqueFd fd(::open(cgroup.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.valid()) return base::fail_errno("open cgroup", cgroup);
    for (const auto& hook : hooks) {
        std::array<__u32, 64> ids{};
        __u32 flags = 0;
        __u32 count = ids.size();
        if (::bpf_prog_query(fd.get(), hook.type, 0, &flags, ids.data(), &count) != 0)
            return base::fail_errno("ask for programs of", cgroup);
        for (__u32 i = 0; i < count; ++i)
            if (!own.contains(ids.at(i))) found.push_back({ids.at(i), program_name(ids.at(i)), hook.section, cgroup, how(flags)});
    }
    return {};
}

}  // namespace

std::string program_name(std::uint32_t id) {
    const base::UniqueFd program(::bpf_prog_get_fd_by_id(id));
    bpf_prog_info info{};
    __u32 size = sizeof info;
    const bool known = program.valid() && ::bpf_obj_get_info_by_fd(program.get(), &info, &size) == 0;
    return known && info.name[0] != '\0' ? info.name : "?";
}

base::Result<std::vector<HookProgram>> programs_of_others(const Datapath& datapath, const std::string& served_cgroup) {
    const auto own = own_programs(datapath);
    std::vector<HookProgram> found;
    for (auto at = std::filesystem::path(served_cgroup);; at = at.parent_path()) {
        struct statfs file_system {};
        if (::statfs(at.c_str(), &file_system) != 0 || file_system.f_type != CGROUP2_SUPER_MAGIC) break;
        if (auto looked = look(at.string(), own, found); !looked) return tl::make_unexpected(looked.error());
        if (!at.has_relative_path()) break;
    }
    return found;
}

}  // namespace meshd::kernel
