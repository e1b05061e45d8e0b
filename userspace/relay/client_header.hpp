// SPDX-License-Identifier: Apache-2.0
// How a backend is told of a client from outside: the PROXY protocol in both of its versions
// (https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt).
#pragma once

#include <string>
#include <string_view>

#include "base/address.hpp"
#include "model/edge.hpp"

namespace meshd::relay {

struct ClientFacts {
    base::SocketAddress source;                // the client's
    base::SocketAddress destination;           // where it connected to
    std::string_view server_name{};            // empty: it asked for none
    std::string_view protocol{};               // of ALPN that was agreed on; empty: none
    std::string_view tls_version{}, cipher{};  // empty: TLS is not ended here
};

// Empty for ProxyProtocol::none. Version 1 has the addresses only.
std::string client_header(model::ProxyProtocol version, const ClientFacts& client);

}  // namespace meshd::relay
