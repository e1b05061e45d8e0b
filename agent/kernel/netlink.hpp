// SPDX-License-Identifier: Apache-2.0
// Questions to rtnetlink(7) whose answer is a list.
#pragma once

#include <functional>

#include <linux/netlink.h>

#include "base/error.hpp"

namespace meshd::kernel {

// Sends `request`, a message of NETLINK_ROUTE with NLM_F_DUMP, and calls `visit` for each message of the answer. An error that
// the kernel answers with is the end of the list: what is asked about is gone.
base::Result<void> dump_netlink(const nlmsghdr& request, const std::function<void(const nlmsghdr&)>& visit);

}  // namespace meshd::kernel
