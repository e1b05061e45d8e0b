// SPDX-License-Identifier: Apache-2.0
#include "kernel/tcx.hpp"

#include <array>
#include <cerrno>

#include <bpf/bpf.h>
#include <unistd.h>

namespace meshd::kernel::tcx {

namespace {

// linux/bpf.h of Debian 12 does not know them yet: BPF_TCX_INGRESS and BPF_TCX_EGRESS.
bpf_attach_type attach_type(Side side) { return static_cast<bpf_attach_type>(side == Side::ingress ? 46 : 47); }

struct LinkInfo {
    std::uint32_t program = 0;
    std::uint32_t index = 0;  // 0: the device is gone
};

std::optional<LinkInfo> info_of(int fd) {
    bpf_link_info info{};
    __u32 size = sizeof info;
    if (::bpf_obj_get_info_by_fd(fd, &info, &size) != 0) return std::nullopt;
    return LinkInfo{info.prog_id, info.xdp.ifindex};  // .tcx.ifindex is in the same place
}

// "md_ingress (id 7), cil_from_netdev (id 9)"
std::string programs_at(std::uint32_t index, Side side) {
    std::array<__u32, 64> ids{};
    __u32 count = ids.size();
    if (::bpf_prog_query(static_cast<int>(index), attach_type(side), 0, nullptr, ids.data(), &count) != 0) return {};
    std::string names;
    for (__u32 i = 0; i < count; ++i) {
        const base::UniqueFd program(::bpf_prog_get_fd_by_id(ids.at(i)));
        bpf_prog_info info{};
        __u32 size = sizeof info;
        const bool known = program.valid() && ::bpf_obj_get_info_by_fd(program.get(), &info, &size) == 0;
        names += (names.empty() ? "" : ", ") + std::string(known ? info.name : "?") + " (id " + std::to_string(ids.at(i)) + ")";
    }
    return names;
}

}  // namespace

base::Result<bool> attach(int program_fd, std::uint32_t index, Side side, const std::string& pin) {
    base::UniqueFd pinned(::bpf_obj_get(pin.c_str()));
    if (pinned.valid()) {
        if (const auto info = info_of(pinned.get()); info && info->index == index) {
            if (::bpf_link_update(pinned.get(), program_fd, nullptr) != 0)
                return base::fail_errno("replace the program of pinned link", pin);
            return true;
        }
        if (::unlink(pin.c_str()) != 0) return base::fail_errno("replace pin", pin);
    }
    const base::UniqueFd link(::bpf_link_create(program_fd, static_cast<int>(index), attach_type(side), nullptr));
    if (!link.valid()) {
        const int code = errno;
        if (code == EINVAL) return false;
        const auto others = programs_at(index, side);
        return base::fail({"attach to device", std::to_string(index), code, others.empty() ? "" : "there are " + others, {}});
    }
    if (::bpf_obj_pin(link.get(), pin.c_str()) != 0) return base::fail_errno("pin link to", pin);
    return true;
}

base::Result<void> detach(const std::string& pin) {
    // The kernel frees an unpinned link some time later: the program is off its hook now, not then.
    if (const base::UniqueFd fd(::bpf_obj_get(pin.c_str())); fd.valid()) ::bpf_link_detach(fd.get());
    if (::unlink(pin.c_str()) != 0 && errno != ENOENT) return base::fail_errno("remove pin", pin);
    return {};
}

std::uint32_t attached_program(const std::string& pin, std::uint32_t index) {
    const base::UniqueFd fd(::bpf_obj_get(pin.c_str()));
    if (!fd.valid()) return 0;
    const auto info = info_of(fd.get());
    return info && info->index == index ? info->program : 0;
}

}  // namespace meshd::kernel::tcx
