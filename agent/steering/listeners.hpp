// SPDX-License-Identifier: Apache-2.0
// The sockets that the worker's threads accept from. They belong to the agent, so connections wait while there is no worker.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/error.hpp"
#include "base/unique_fd.hpp"

namespace meshd::steering {

struct Listeners {
    std::uint16_t port = 0;
    std::vector<base::UniqueFd> sockets;  // one for each thread: the kernel shares connections out among them
};

using ListenersPtr = std::shared_ptr<const Listeners>;

// In this network namespace; [::] is every address, of both families where the kernel has both. `where`: the section of the
// configuration that names the port.
base::Result<ListenersPtr> listen_at(const base::SocketAddress& address, unsigned count, std::string_view where);
// Whether a descriptor is one as listen_at() makes them.
bool listens_at(int socket, const base::SocketAddress& address);

}  // namespace meshd::steering
