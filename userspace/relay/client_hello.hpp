// SPDX-License-Identifier: Apache-2.0
// The first words of a TLS client (RFC 8446, 4.1.2; RFC 5246, 7.4.1.2), as far as they say where it wants to go. Everything else
// in them is for whoever speaks TLS with it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace meshd::relay {

struct ClientHello {
    std::string server_name;             // in lower case (RFC 6066, 3); empty: none
    std::vector<std::string> protocols;  // of ALPN (RFC 7301), in the client's order

    bool operator==(const ClientHello&) const = default;
};

inline constexpr std::size_t max_client_hello = std::size_t{16} << 10;  // on the wire, in as many records as it likes

// Whether it can be the beginning of TLS at all.
bool begins_tls(std::string_view bytes);

// Nothing: there must come more. It is found at the earliest byte that it can be found that this is no such thing, or longer than
// max_client_hello.
base::Result<std::optional<ClientHello>> parse_client_hello(std::string_view bytes);

}  // namespace meshd::relay
