// SPDX-License-Identifier: Apache-2.0
#include "worker/confinement.hpp"

#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <type_traits>

#include <sched.h>
#include <seccomp.h>
#include <sys/socket.h>

namespace meshd::worker {

namespace {

// Leak checkers look at their own process with it.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MESHD_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MESHD_SANITIZED 1
#endif
#endif

constexpr std::array refused{
    // The kernel's own programs, and ways to see more of it.
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(syslog),
    SCMP_SYS(lookup_dcookie),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    // Other processes.
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(kcmp),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(move_pages),
    SCMP_SYS(migrate_pages),
    SCMP_SYS(process_madvise),
    // Namespaces and mounts: with a user namespace an account without privilege reaches most of the rest.
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(open_tree),
    SCMP_SYS(move_mount),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsconfig),
    SCMP_SYS(fsmount),
    SCMP_SYS(fspick),
    SCMP_SYS(mount_setattr),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(name_to_handle_at),
    // The machine.
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(clock_adjtime),
    SCMP_SYS(adjtimex),
    SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname),
    SCMP_SYS(acct),
    SCMP_SYS(quotactl),
    SCMP_SYS(iopl),
    SCMP_SYS(ioperm),
    SCMP_SYS(vhangup),
    SCMP_SYS(nfsservctl),
    SCMP_SYS(personality),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(keyctl),
#ifndef MESHD_SANITIZED
    SCMP_SYS(ptrace),
#endif
};

constexpr std::array<unsigned long, 7> new_namespaces{CLONE_NEWUSER, CLONE_NEWNS,  CLONE_NEWNET,   CLONE_NEWPID,
                                                      CLONE_NEWIPC,  CLONE_NEWUTS, CLONE_NEWCGROUP};
// AF_NETLINK: libc asks it for addresses.
constexpr bool may_have(int family) {
    return family == AF_UNIX || family == AF_INET || family == AF_INET6 || family == AF_NETLINK;
}
constexpr int highest_family = AF_NETLINK;

struct Release {
    void operator()(void* filter) const { ::seccomp_release(filter); }
};

// A call whose first argument is so.
int refuse_when(scmp_filter_ctx filter, int code, int call, scmp_compare comparison, scmp_datum_t a, scmp_datum_t b = 0) {
    const scmp_arg_cmp first{0, comparison, a, b};
    return ::seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(static_cast<unsigned>(code)), call, 1, &first);
}

int refuse_all(scmp_filter_ctx filter) {
    // Looked up by halves: without it a call that is allowed is compared with each that is not.
    int code = ::seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    for (const int call : refused)
        if (code == 0) code = ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 0);
    for (const auto flag : new_namespaces)
        if (code == 0) code = refuse_when(filter, EPERM, SCMP_SYS(clone), SCMP_CMP_MASKED_EQ, flag, flag);
    // Its flags are in memory, where a filter cannot look: libc goes back to clone.
    if (code == 0) code = ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    for (int family = 0; family <= highest_family && code == 0; ++family)
        if (!may_have(family))
            code = refuse_when(filter, EAFNOSUPPORT, SCMP_SYS(socket), SCMP_CMP_EQ, static_cast<scmp_datum_t>(family));
    if (code == 0)
        code = refuse_when(filter, EAFNOSUPPORT, SCMP_SYS(socket), SCMP_CMP_GT, static_cast<scmp_datum_t>(highest_family));
    return code;
}

}  // namespace

base::Result<void> confine() {
    const std::unique_ptr<void, Release> filter(::seccomp_init(SCMP_ACT_ALLOW));
    if (!filter) return base::fail({"make a filter of system calls for", "meshd-userspace", ENOMEM, {}, {}});
    int code = refuse_all(filter.get());
    if (code == 0) code = ::seccomp_load(filter.get());
    if (code != 0)
        return base::fail({"filter system calls of", "meshd-userspace", -code, {}, "the kernel needs CONFIG_SECCOMP_FILTER"});
    return {};
}

}  // namespace meshd::worker
