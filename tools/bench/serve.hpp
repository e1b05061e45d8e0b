// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>

#include "base/address.hpp"

namespace meshd::bench {

// Sends back what it gets, on any number of connections, until `stop`.
void serve(const base::SocketAddress& address, const std::atomic<bool>& stop);

}  // namespace meshd::bench
