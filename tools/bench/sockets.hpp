// SPDX-License-Identifier: Apache-2.0
// The socket calls that the measuring tools share. A measuring tool that cannot measure ends: failures are thrown as
// std::system_error.
#pragma once

#include <string>
#include <string_view>

#include <sys/socket.h>

#include "base/address.hpp"
#include "base/unique_fd.hpp"

namespace meshd::bench {

struct RawAddress {
    sockaddr_storage storage{};
    socklen_t length = 0;

    [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
    [[nodiscard]] int family() const { return storage.ss_family; }
};

RawAddress to_raw(const base::SocketAddress& address);

// "10.0.0.1:80", "[fd00::1]:80"; throws std::invalid_argument that quotes what is wrong.
base::SocketAddress parse_endpoint(std::string_view text);

[[noreturn]] void throw_errno(const std::string& what);

base::UniqueFd listen_on(const base::SocketAddress& address);  // non-blocking TCP listener
void reset_on_close(int fd);                                   // close() sends RST, so that no port waits in TIME_WAIT

}  // namespace meshd::bench
