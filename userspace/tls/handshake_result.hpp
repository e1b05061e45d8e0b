// SPDX-License-Identifier: Apache-2.0
// How a handshake between workers ended. The list makes the enum, the label of meshd_tls_handshakes_total and the table in
// docs/metrics.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace meshd::tls {

enum class HandshakeResult : std::uint8_t {
    ok,
    expired,  // the peer's certificate, or one that leads to its authority
    not_yet_valid,
    wrong_trust_domain,  // its identity is of another one
    no_identity,         // not exactly one SPIFFE ID, or none that SPIFFE allows
    wrong_usage,         // the certificate may not be used so
    unknown_ca,
    revoked,
    weak_key,
    no_certificate,
    refused,   // the peer did not accept ours, and said so
    protocol,  // the peer does not speak TLS 1.3
    timeout,
    reset,       // the connection ended
    connect,     // it was never made: refused, unreachable
    wrong_name,  // the certificate of a server outside of the mesh is for another name
};
inline constexpr std::size_t handshake_results = 16;

std::string_view name(HandshakeResult result);  // "wrong_trust_domain": label
// For people. `is_outside`: the peer is a server outside of the mesh.
std::string_view meaning(HandshakeResult result, bool is_outside = false);
std::string_view remedy(HandshakeResult result, bool is_outside = false);

struct HandshakeFailure {
    HandshakeResult result = HandshakeResult::protocol;
    std::string detail;  // names the certificate, the authority or what OpenSSL said
};

}  // namespace meshd::tls
