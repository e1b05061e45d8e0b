// SPDX-License-Identifier: Apache-2.0
#include "tls/handshake_result.hpp"

namespace meshd::tls {

namespace {

struct Words {
    std::string_view name, meaning;
};

constexpr std::array<Words, handshake_results> words{{
    {"ok", "both certificates were accepted"},
    {"expired", "the peer's certificate, or one that leads to its authority, has expired"},
    {"not_yet_valid", "the peer's certificate, or one that leads to its authority, is not valid yet"},
    {"wrong_trust_domain", "the peer's identity is of another trust domain"},
    {"no_identity", "the peer's certificate has not exactly one SPIFFE ID, or one that SPIFFE does not allow"},
    {"wrong_usage", "the peer's certificate, or one that leads to its authority, may not be used so"},
    {"unknown_ca", "the peer's certificate leads to no authority that is believed"},
    {"revoked", "the peer's certificate was revoked, or no valid list tells that it was not"},
    {"weak_key", "a key or a signature of the peer's certificates is too weak"},
    {"no_certificate", "the peer showed no certificate"},
    {"refused", "the peer did not accept this side's certificate"},
    {"protocol", "the peer does not speak TLS 1.3"},
    {"timeout", "the peer did not answer in time"},
    {"reset", "the connection ended before the handshake did"},
    {"connect", "no connection to the peer could be made"},
}};

}  // namespace

std::string_view name(HandshakeResult result) { return words.at(static_cast<std::size_t>(result)).name; }
std::string_view meaning(HandshakeResult result) { return words.at(static_cast<std::size_t>(result)).meaning; }

}  // namespace meshd::tls
