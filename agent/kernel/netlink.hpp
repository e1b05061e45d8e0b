// SPDX-License-Identifier: Apache-2.0
// Questions to rtnetlink(7) whose answer is a list.
#pragma once

#include <cstdint>
#include <functional>

#include <linux/netlink.h>

#include "base/error.hpp"

namespace meshd::kernel {

using VisitMessage = std::function<void(const nlmsghdr&)>;

// Sends `request`, a whole message of NETLINK_ROUTE with NLM_F_DUMP, and calls `visit` for each message of the answer. An error
// that the kernel answers with is the end of the list: what is asked about is gone.
base::Result<void> dump_netlink(const nlmsghdr& request, const VisitMessage& visit);

// What a `type` of RTM_GET… lists for `which`, its fixed part.
template <typename Message>
base::Result<void> dump_netlink(std::uint16_t type, const Message& which, const VisitMessage& visit) {
    struct {
        nlmsghdr header;
        Message which;
    } request{{sizeof request, type, NLM_F_REQUEST | NLM_F_DUMP, 0, 0}, which};
    return dump_netlink(request.header, visit);
}

}  // namespace meshd::kernel
