// SPDX-License-Identifier: Apache-2.0
// Certificates for clients from outside that an authority issues by ACME (RFC 8555), as "edge.acme" of meshd.yaml says it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "model/edge.hpp"

namespace meshd::model {

// How the authority is shown that a name is this host's.
enum class AcmeChallenge : std::uint8_t {
    tls_alpn_01,  // by a handshake at port 443 (RFC 8737)
    http_01,      // by an answer at port 80 (RFC 8555, 8.3)
};

// Let's Encrypt.
inline constexpr std::string_view default_acme_directory = "https://acme-v02.api.letsencrypt.org/directory";

struct AcmeSettings {
    std::string directory{default_acme_directory};  // of the authority, a URL
    std::string email{};                            // told to it; empty: none is
    AcmeChallenge challenge = AcmeChallenge::tls_alpn_01;
    std::optional<base::SocketAddress> http{};  // where http_01 is answered
    std::string storage{};                      // directory of the worker's user
    // How long before its end a certificate is renewed; 0: when a third of its lifetime is left.
    std::chrono::milliseconds renew_before{0};

    bool operator==(const AcmeSettings&) const = default;
};

inline constexpr std::size_t max_acme_names = 100;  // of one certificate: Let's Encrypt's bound
inline constexpr std::size_t max_acme_text = 2048;  // of the directory's URL

std::string_view name(AcmeChallenge challenge);  // "tls-alpn-01"
std::optional<AcmeChallenge> parse_acme_challenge(std::string_view text);

// What an authority may be asked for by these challenges: a name in lower case with a dot, no wildcard, no address.
bool is_acme_name(std::string_view text);
// Plain ones only: it goes into a command line, and from there into JSON as it is.
bool is_acme_email(std::string_view text);
bool is_acme_directory(std::string_view text);

// Gives certificates that are issued their files, below acme.storage, which is `directory` unless the configuration says another.
// The same names have the same file whatever their order, and another one for each authority.
void place_acme(EdgeListeners& listeners, AcmeSettings& acme, const std::string& directory);

}  // namespace meshd::model
