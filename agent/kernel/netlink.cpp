// SPDX-License-Identifier: Apache-2.0
#include "kernel/netlink.hpp"

#include <array>

#include <sys/socket.h>

#include "base/unique_fd.hpp"

namespace meshd::kernel {

base::Result<void> dump_netlink(const nlmsghdr& request, const VisitMessage& visit) {
    const base::UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    if (!socket.valid()) return base::fail_errno("open", "a netlink socket");
    if (::send(socket.get(), &request, request.nlmsg_len, 0) < 0) return base::fail_errno("ask", "rtnetlink");
    for (alignas(nlmsghdr) std::array<char, 32768> answer{};;) {
        auto left = ::recv(socket.get(), answer.data(), answer.size(), 0);
        if (left <= 0) return base::fail_errno("read the answer of", "rtnetlink");
        for (const auto* header = reinterpret_cast<const nlmsghdr*>(answer.data()); NLMSG_OK(header, left);
             header = NLMSG_NEXT(header, left)) {
            if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR) return {};
            visit(*header);
        }
    }
}

}  // namespace meshd::kernel
