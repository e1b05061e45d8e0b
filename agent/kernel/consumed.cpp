// SPDX-License-Identifier: Apache-2.0
#include "kernel/consumed.hpp"

#include <array>
#include <cerrno>
#include <memory>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "meshd/abi.h"  // types of the skeleton

#include "bpf/meshd.skel.h"

namespace meshd::kernel {

namespace {

// Newest first: 5.13 renamed it, its arguments stayed.
constexpr std::array<const char*, 2> functions{"sk_msg_recvmsg", "__tcp_bpf_recvmsg"};

const char* function_of_this_kernel() {
    const std::unique_ptr<btf, decltype(&::btf__free)> kernel(::btf__load_vmlinux_btf(), &::btf__free);
    for (const auto* name : functions)
        if (kernel && ::btf__find_by_name_kind(kernel.get(), name, BTF_KIND_FUNC) > 0) return name;
    return nullptr;
}

}  // namespace

base::Result<void> choose_consumed(const meshd_bpf& skeleton) {
    auto* const program = skeleton.progs.md_consumed_by;
    const auto* const function = function_of_this_kernel();
    if (function == nullptr)
        return base::fail({"count what readers take with",
                           "md_consumed_by",
                           0,
                           "the kernel's types name neither sk_msg_recvmsg nor __tcp_bpf_recvmsg",
                           {}});
    ::bpf_program__set_autoload(program, true);
    if (::bpf_program__set_attach_target(program, 0, function) != 0) return base::fail_errno("aim md_consumed_by at", function);
    return {};
}

base::Result<base::UniqueFd> attach_consumed(const meshd_bpf& skeleton) {
    base::UniqueFd link(::bpf_raw_tracepoint_open(nullptr, ::bpf_program__fd(skeleton.progs.md_consumed_by)));
    if (!link.valid()) return base::fail_errno("attach", "md_consumed_by");
    return link;
}

}  // namespace meshd::kernel
