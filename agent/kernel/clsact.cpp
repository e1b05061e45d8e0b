// SPDX-License-Identifier: Apache-2.0
#include "kernel/clsact.hpp"

#include <cerrno>
#include <cstring>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "base/unique_fd.hpp"
#include "kernel/netlink.hpp"

namespace meshd::kernel::clsact {

namespace {

bpf_tc_hook hook_of(std::uint32_t index, int points) {
    bpf_tc_hook hook{};
    hook.sz = sizeof hook;
    hook.ifindex = static_cast<int>(index);
    hook.attach_point = static_cast<bpf_tc_attach_point>(points);
    return hook;
}

int point(Side side) { return side == Side::ingress ? BPF_TC_INGRESS : BPF_TC_EGRESS; }

// libbpf's functions return -errno, and older ones leave errno alone.
tl::unexpected<base::Error> refused(const char* operation, std::uint32_t index, int error, std::string detail = {},
                                    std::string remedy = {}) {
    return base::fail({operation, "device " + std::to_string(index), -error, std::move(detail), std::move(remedy)});
}

struct Found {
    std::uint32_t program = 0;
    std::string name;
};

Found look(std::uint32_t index, Side side) {
    const auto hook = hook_of(index, point(side));
    LIBBPF_OPTS(bpf_tc_opts, options, .handle = handle, .priority = priority);
    if (::bpf_tc_query(&hook, &options) != 0) return {};
    const base::UniqueFd program(::bpf_prog_get_fd_by_id(options.prog_id));
    bpf_prog_info info{};
    __u32 size = sizeof info;
    if (!program.valid() || ::bpf_obj_get_info_by_fd(program.get(), &info, &size) != 0) return {options.prog_id, "?"};
    return {options.prog_id, info.name};
}

bool is_ours(const Found& found) { return found.name.starts_with("md_"); }

base::Result<bool> has_filters(std::uint32_t index, std::uint32_t parent) {
    tcmsg which{};
    which.tcm_ifindex = static_cast<int>(index);
    which.tcm_parent = parent;
    bool found = false;
    const auto dumped =
        dump_netlink(RTM_GETTFILTER, which, [&](const nlmsghdr& answer) { found |= answer.nlmsg_type == RTM_NEWTFILTER; });
    if (!dumped) return tl::make_unexpected(dumped.error());
    return found;
}

}  // namespace

base::Result<bool> make_qdisc(std::uint32_t index) {
    auto hook = hook_of(index, BPF_TC_INGRESS | BPF_TC_EGRESS);
    const int error = ::bpf_tc_hook_create(&hook);
    if (error == -EEXIST) return false;
    if (error != 0) return refused("make a clsact qdisc for", index, error);
    return true;
}

base::Result<void> attach(int program_fd, std::uint32_t index, Side side) {
    if (const auto found = look(index, side); found.program != 0 && !is_ours(found))
        return refused("attach to", index, -EEXIST,
                       "its filter of priority " + std::to_string(priority) + " has program '" + found.name + "' (id " +
                           std::to_string(found.program) + ")",
                       "move that filter to another priority");
    const auto hook = hook_of(index, point(side));
    LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = program_fd, .flags = BPF_TC_F_REPLACE, .handle = handle, .priority = priority);
    const int error = ::bpf_tc_attach(&hook, &options);
    if (error == 0) return {};
    return refused("attach to", index, error,
                   side == Side::egress ? "a qdisc of kind ingress, which has no egress side, may stand in the way"
                                        : "another kind of filter may have our priority " + std::to_string(priority),
                   side == Side::egress ? "see `tc qdisc show`, and delete it" : "see `tc filter show`, and move that filter");
}

base::Result<void> detach(std::uint32_t index, Side side) {
    if (!is_ours(look(index, side))) return {};
    const auto hook = hook_of(index, point(side));
    LIBBPF_OPTS(bpf_tc_opts, options, .handle = handle, .priority = priority);
    const int error = ::bpf_tc_detach(&hook, &options);
    if (error != 0 && error != -ENOENT && error != -ENODEV) return refused("detach from", index, error);
    return {};
}

base::Result<void> remove_empty_qdisc(std::uint32_t index) {
    for (const std::uint32_t side : {TC_H_MIN_INGRESS, TC_H_MIN_EGRESS}) {
        const auto others = has_filters(index, TC_H_MAKE(TC_H_CLSACT, side));
        if (!others) return tl::make_unexpected(others.error());
        if (*others) return {};
    }
    auto hook = hook_of(index, BPF_TC_INGRESS | BPF_TC_EGRESS);
    const int error = ::bpf_tc_hook_destroy(&hook);
    if (error != 0 && error != -ENOENT && error != -ENODEV && error != -EINVAL)
        return refused("remove the clsact qdisc of", index, error);
    return {};
}

std::uint32_t attached_program(std::uint32_t index, Side side) {
    const auto found = look(index, side);
    return is_ours(found) ? found.program : 0;
}

}  // namespace meshd::kernel::clsact
