// SPDX-License-Identifier: Apache-2.0
// Listeners for clients from outside of the mesh, as the section "edge" of meshd.yaml says them (docs/edge.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "model/tls.hpp"

namespace meshd::model {

// What clients must be able to: Mozilla's Server Side TLS guidelines 5.7.
enum class TlsProfile : std::uint8_t {
    intermediate,  // TLS 1.2 and 1.3
    modern,        // TLS 1.3
};

// How a backend is told of the client: https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt.
enum class ProxyProtocol : std::uint8_t { none, v1, v2 };

struct EdgeCertificate {
    CertificateFiles files;
    std::string ocsp;                 // file of a response, DER; empty: none
    std::vector<std::string> acme{};  // names that it is issued for by ACME; empty: somebody else makes the files

    bool operator==(const EdgeCertificate&) const = default;
};

struct EdgeRoute {
    std::vector<std::string> names;   // at least one; each one that is_server_name_pattern()
    std::string service;              // by name; it need not exist
    std::string port;                 // name or number; empty: the only one that the service has
    bool pass_through = false;        // TLS is the backend's own
    std::vector<std::string> alpn{};  // what is offered, the best first; empty: nothing is
    ProxyProtocol proxy_protocol = ProxyProtocol::none;

    bool operator==(const EdgeRoute&) const = default;
};

struct EdgeListener {
    std::string name;            // unique, a service name by its form
    base::SocketAddress listen;  // differs from that of others; [::] takes both families
    TlsProfile profile = TlsProfile::intermediate;
    bool strict_names = false;                    // no certificate is shown that does not fit the name that is asked for
    std::vector<EdgeCertificate> certificates{};  // at least one unless all routes pass through
    std::vector<EdgeRoute> routes{};              // at least one; their names differ

    bool operator==(const EdgeListener&) const = default;
};

using EdgeListeners = std::vector<EdgeListener>;

inline constexpr std::size_t max_edge_listeners = 64;
inline constexpr std::size_t max_edge_certificates = 256;  // of one listener
inline constexpr std::size_t max_edge_routes = 1024;       // of one listener
inline constexpr std::size_t max_route_names = 256;        // of one route
inline constexpr std::size_t max_edge_names = 2048;        // of all routes of all listeners: a message takes them
inline constexpr std::size_t max_route_protocols = 16;     // of one route's ALPN
inline constexpr std::size_t max_protocol_length = 255;    // bytes (RFC 7301)

std::string_view name(TlsProfile profile);
std::string_view name(ProxyProtocol protocol);
std::optional<TlsProfile> parse_tls_profile(std::string_view text);
std::optional<ProxyProtocol> parse_proxy_protocol(std::string_view text);

// A DNS name in lower case, "*." and such a name for exactly one label in its place, or "*" for everything.
bool is_server_name_pattern(std::string_view text);

bool are_protocols(const std::vector<std::string>& names);  // as ALPN may offer them

}  // namespace meshd::model
