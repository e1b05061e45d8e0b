// SPDX-License-Identifier: Apache-2.0
// What goes ahead of the bytes of each relayed connection: the binary header of the PROXY protocol, version 2
// (https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt), with the name of the service.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.hpp"
#include "base/error.hpp"

namespace meshd::relay {

struct ProxyHeader {
    base::SocketAddress source;       // the application's
    base::SocketAddress destination;  // the backend's
    std::string service{};            // empty: not said
    bool only_connects = false;       // no byte will follow: the connection may end well as soon as the backend has taken it

    bool operator==(const ProxyHeader&) const = default;
};

inline constexpr std::uint8_t service_name_type = 0xe0;   // PP2_TYPE_MIN_CUSTOM: the first that an application may use
inline constexpr std::uint8_t only_connects_type = 0xe1;  // its value is empty
inline constexpr std::size_t max_proxy_header = 1024;     // of what we take, with what others may put into it

std::string to_wire(const ProxyHeader& header);

// The header as a whole, with what add_field() has made; at most 64 KiB of it.
std::string to_wire(const base::SocketAddress& source, const base::SocketAddress& destination, std::string_view fields);
void add_field(std::string& fields, std::uint8_t type, std::string_view value);

struct ParsedProxyHeader {
    ProxyHeader header;
    std::size_t size = 0;  // of it on the wire
};

// Nothing: there must come more. It is found at the earliest byte that it can be found that this is no such header.
base::Result<std::optional<ParsedProxyHeader>> parse_proxy_header(std::string_view bytes);

}  // namespace meshd::relay
