// SPDX-License-Identifier: Apache-2.0
// The messages of sock_diag(7): questions for the sockets of a network namespace, and what the kernel answers. Pure; every length
// is checked before it is believed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include <linux/inet_diag.h>

#include "meshd/abi.h"

namespace meshd::sockets {

std::uint64_t cookie_of(const inet_diag_sockid& id);

struct DiagSocket {
    std::uint8_t family = 0;  // AF_INET or AF_INET6
    inet_diag_sockid id{};
    std::uint32_t inode = 0;           // 0: no descriptor leads to it any more
    std::optional<md_sock_peer> peer;  // what the programs remember of it
    std::uint32_t priority = 0;        // SO_PRIORITY; 0 as well: not told

    // Where its packets go; IPv4 addresses in their mapped form.
    [[nodiscard]] md_endpoint destination(std::uint8_t protocol) const;
};

// For all sockets of a family and protocol that are in one of `states` (a bit for each). With `storage_fd`, the descriptor of
// md_sock_peer, each comes with its entry (Linux 5.7 and later).
std::vector<std::byte> list_request(std::uint8_t family, std::uint8_t protocol, std::uint32_t states,
                                    std::optional<int> storage_fd);

// For the end of one socket. The kernel compares its cookie: another one with the same addresses stays.
std::vector<std::byte> destroy_request(std::uint8_t family, std::uint8_t protocol, const inet_diag_sockid& id);

// One datagram of an answer.
struct Answered {
    bool ended = false;  // no more come
    int error = 0;       // errno, when it ended so
};
Answered read_answer(std::span<const std::byte> datagram, const std::function<void(const DiagSocket&)>& visit);

}  // namespace meshd::sockets
