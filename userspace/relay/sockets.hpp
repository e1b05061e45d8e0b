// SPDX-License-Identifier: Apache-2.0
// System calls on sockets, with our addresses.
#pragma once

#include <optional>

#include <sys/socket.h>

#include "base/address.hpp"
#include "base/unique_fd.hpp"

namespace meshd::relay {

base::SocketAddress from_system(const sockaddr_storage& address);
std::optional<base::SocketAddress> local_address(int fd);
std::optional<base::SocketAddress> remote_address(int fd);

// A connection on its way, or not valid: errno says why. That it came to nothing may be seen later, by pending_error().
// `priority`: SO_PRIORITY of it (see include/meshd/tls.h).
base::UniqueFd start_connect(const base::SocketAddress& target, int priority = 0);
int pending_error(int fd);  // SO_ERROR

void send_at_once(int fd);  // TCP_NODELAY
// Whether closing it tells the other end that something went wrong.
void set_reset_at_close(int fd, bool is_wanted);
// For connections between hosts: a peer that is gone without a word is found within two minutes.
void watch_peer(int fd);
// How many bytes the kernel at the other end has taken; also when the connection has ended.
std::optional<std::uint64_t> acknowledged_bytes(int fd);

}  // namespace meshd::relay
