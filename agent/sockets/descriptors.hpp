// SPDX-License-Identifier: Apache-2.0
// The sockets that processes hold, as /proc tells of them.
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_set>
#include <vector>

#include <sys/types.h>

namespace meshd::sockets {

std::vector<pid_t> processes();  // all that there are

// Each descriptor that is a socket, with the socket's inode. A process that has ended has none.
void for_each_socket(pid_t process, const std::function<void(int descriptor, std::uint32_t inode)>& visit);

std::unordered_set<std::uint32_t> sockets_of(const std::vector<pid_t>& processes);  // by inode

}  // namespace meshd::sockets
