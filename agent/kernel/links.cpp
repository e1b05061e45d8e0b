// SPDX-License-Identifier: Apache-2.0
#include "kernel/links.hpp"

#include <cerrno>

#include <bpf/bpf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace meshd::kernel {

namespace {

// Zero values when the link cannot be read. A link whose cgroup was removed is detached by the kernel and reports cgroup id 0.
bpf_link_info info_of(int fd) {
    bpf_link_info info{};
    __u32 size = sizeof info;
    if (::bpf_obj_get_info_by_fd(fd, &info, &size) != 0) return {};
    return info;
}

tl::unexpected<base::Error> refused(const Hook& hook, const Cgroup& cgroup) {
    const int code = errno;
    const auto operation = std::string("attach ") + hook.program + " to";
    const auto object = cgroup.path() + " (" + hook.section + ")";
    if (code == EPERM)
        if (const auto blocker = cgroup.blocker(hook.type))
            return base::fail({operation, object, code, *blocker + " stands in the way",
                               "detach it (bpftool cgroup detach CGROUP TYPE id ID), attach it with the multi flag, or choose "
                               "another `cgroup`"});
    return base::fail({operation, object, code, {}, code == EPERM ? "run as root, or with CAP_NET_ADMIN and CAP_BPF" : ""});
}

}  // namespace

base::Result<Netns> Netns::own() {
    Netns here{base::UniqueFd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)), 0};
    struct stat status {};
    if (!here.fd.valid() || ::fstat(here.fd.get(), &status) != 0) return base::fail_errno("open", "/proc/thread-self/ns/net");
    here.inode = static_cast<std::uint32_t>(status.st_ino);
    return here;
}

template <typename Refused>
base::Result<Link> Link::attach(int program_fd, const Hook& hook, int target, base::UniqueFd pinned, bool is_here,
                                const std::string& pin, const Refused& refused) {
    if (is_here) {
        if (::bpf_link_update(pinned.get(), program_fd, nullptr) != 0)
            return base::fail_errno("replace the program of pinned link", pin,
                                    "remove the pins with `meshd --unload` and start again");
        return Link(std::move(pinned), pin, false);
    }
    base::UniqueFd fresh(::bpf_link_create(program_fd, target, hook.type, nullptr));
    if (!fresh.valid()) return refused();
    if (pinned.valid() && ::unlink(pin.c_str()) != 0) return base::fail_errno("replace pin", pin);
    if (::bpf_obj_pin(fresh.get(), pin.c_str()) != 0) return base::fail_errno("pin link to", pin);
    return Link(std::move(fresh), pin, true);
}

base::Result<Link> Link::attach(int program_fd, const Hook& hook, const Cgroup& cgroup, const std::string& pin) {
    base::UniqueFd pinned(::bpf_obj_get(pin.c_str()));
    const bool is_here = pinned.valid() && info_of(pinned.get()).cgroup.cgroup_id == cgroup.id();
    return attach(program_fd, hook, cgroup.fd(), std::move(pinned), is_here, pin, [&] { return refused(hook, cgroup); });
}

base::Result<Link> Link::attach(int program_fd, const Hook& hook, const Netns& netns, const std::string& pin) {
    base::UniqueFd pinned(::bpf_obj_get(pin.c_str()));
    const bool is_here = pinned.valid() && info_of(pinned.get()).netns.netns_ino == netns.inode;
    return attach(program_fd, hook, netns.fd.get(), std::move(pinned), is_here, pin,
                  [&] { return base::fail_errno(std::string("attach ") + hook.program + " to", "this network namespace"); });
}

void Link::undo() {
    if (!fresh_) return;
    ::unlink(pin_.c_str());
    fd_.reset();
}

base::Result<void> detach(const std::string& pin) {
    const base::UniqueFd fd(::bpf_obj_get(pin.c_str()));
    if (!fd.valid()) return {};
    ::bpf_link_detach(fd.get());  // the kernel frees an unpinned link some time later
    if (::unlink(pin.c_str()) != 0) return base::fail_errno("remove pin", pin);
    return {};
}

std::uint32_t attached_program(const std::string& pin) {
    const base::UniqueFd fd(::bpf_obj_get(pin.c_str()));
    if (!fd.valid()) return 0;
    const auto info = info_of(fd.get());
    const bool is_there = info.type == BPF_LINK_TYPE_NETNS ? info.netns.netns_ino != 0 : info.cgroup.cgroup_id != 0;
    return is_there ? info.prog_id : 0;
}

}  // namespace meshd::kernel
