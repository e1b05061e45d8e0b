// SPDX-License-Identifier: Apache-2.0
#include "worker/guard.hpp"

#include <array>

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace meshd::worker {

namespace {

tl::unexpected<base::Error> not_by_hand(std::string why) {
    return base::fail({"run", "meshd-userspace", 0, std::move(why), "it is started by meshd; not by hand"});
}

int socket_option(int fd, int option) {
    int value = -1;
    socklen_t size = sizeof(value);
    return ::getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

base::Result<base::UniqueFd> take_socket(int fd, int type, const std::string& what) {
    if (socket_option(fd, SO_DOMAIN) != AF_UNIX || socket_option(fd, SO_TYPE) != type)
        return not_by_hand("descriptor " + std::to_string(fd) + " is not the " + what + " of meshd");
    // It is of no use to anything this process might start.
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) return base::fail_errno("keep to itself", what);
    return base::UniqueFd(fd);
}

}  // namespace

base::Result<base::UniqueFd> take_channel(int fd) { return take_socket(fd, SOCK_STREAM, "channel"); }

base::Result<base::UniqueFd> take_handover(int fd) { return take_socket(fd, SOCK_SEQPACKET, "handover of listeners"); }

base::Result<void> check_privileges() {
    // No option allows it: tests run it as another user too.
    if (::getuid() == 0 || ::geteuid() == 0) return not_by_hand("it must not run as root");
    if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) return not_by_hand("no_new_privs is not set");
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> held{};
    if (::syscall(SYS_capget, &header, held.data()) < 0) return base::fail_errno("read capabilities of", "meshd-userspace");
    for (const auto& part : held)
        if ((part.permitted | part.effective | part.inheritable) != 0) return not_by_hand("it must not have capabilities");
    return {};
}

}  // namespace meshd::worker
