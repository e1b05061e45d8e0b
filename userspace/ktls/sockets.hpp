// SPDX-License-Identifier: Apache-2.0
// TCP sockets whose TLS 1.3 records the kernel makes and opens ("kernel TLS", Documentation/networking/tls.rst of Linux).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/error.hpp"
#include "ktls/keys.hpp"

namespace meshd::ktls {

// Before install(), once, of a connection that is there; nothing changes for it yet. Without the module an error says so; with
// CAP_NET_ADMIN the kernel loads it by itself.
base::Result<void> prepare(int fd);

// What is sent (received) from now on is protected by these keys. Once more for the same way: after a KeyUpdate, where the
// kernel can. When it fails all is as before.
base::Result<void> install(int fd, Way way, const Keys& keys);

// Of a socket that transmits so: one record of another type than data. False: errno says why, nothing of it was sent.
bool send_record(int fd, std::uint8_t type, std::string_view bytes);

// Of a socket that receives so: bytes of records of one type.
struct Received {
    std::size_t size = 0;
    std::optional<std::uint8_t> type{};  // nothing: the connection has ended, or there is an error
    int error = 0;                       // errno; EAGAIN: not a whole record yet
};
Received receive(int fd, std::span<char> into);

// Whether all that was sent goes out when the socket is closed now. What the kernel has made records of and TCP has had no room
// for is lost with a close.
bool may_close(int fd);

}  // namespace meshd::ktls
