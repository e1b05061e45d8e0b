// SPDX-License-Identifier: Apache-2.0
// Sockets of other processes, asked through a descriptor that is borrowed for a moment: the kernel lists UDP sockets without what
// the programs remember of them, and tells it of a descriptor.
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <unordered_set>

#include "kernel/map.hpp"
#include "meshd/abi.h"

namespace meshd::sockets {

// By inode, of those that have an entry in `storage` (md_sock_peer) and that some process holds.
std::unordered_map<std::uint32_t, md_sock_peer> remembered_of(const kernel::Map& storage,
                                                              const std::unordered_set<std::uint32_t>& inodes);

// Each socket that some process holds, once, by a descriptor that is borrowed while the visit lasts.
void for_each_borrowed(const std::function<void(int descriptor)>& visit);

}  // namespace meshd::sockets
