// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>

#include "base/address.hpp"
#include "board.hpp"

namespace meshd::shapes {

// The server's end of every connection that comes, each in a thread of its own, until `stop`; then those that are left end.
void serve(const base::SocketAddress& address, Board& board, const std::atomic<bool>& stop);

}  // namespace meshd::shapes
