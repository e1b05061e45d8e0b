// SPDX-License-Identifier: Apache-2.0
// The worker parses what comes from files and networks, so it runs only as it is meant to: started by the agent, without
// privilege and without a way to get any.
#pragma once

#include "base/error.hpp"
#include "base/unique_fd.hpp"

namespace meshd::worker {

// The channel to the agent; or why this process must not go on.
base::Result<base::UniqueFd> take_channel(int fd);
base::Result<void> check_privileges();

// What the agent hands listening sockets over by.
base::Result<base::UniqueFd> take_handover(int fd);

}  // namespace meshd::worker
