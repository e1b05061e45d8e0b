// SPDX-License-Identifier: Apache-2.0
#include "tls/handshake_result.hpp"

#include <algorithm>

namespace meshd::tls {

namespace {

struct Words {
    std::string_view name, meaning, remedy;
};

constexpr std::array<Words, handshake_results> words{{
    {"ok", "both certificates were accepted", ""},
    {"expired", "the peer's certificate, or one that leads to its authority, has expired",
     "have a new one issued for the peer; `meshctl certificate list` there shows which"},
    {"not_yet_valid", "the peer's certificate, or one that leads to its authority, is not valid yet",
     "set the clocks of both hosts"},
    {"wrong_trust_domain", "the peer's identity is of another trust domain",
     "the peer is of another mesh, or tls.trust_domain of one of the two is wrong"},
    {"no_identity", "the peer's certificate has not exactly one SPIFFE ID, or one that SPIFFE does not allow",
     "issue one with exactly one URI, a SPIFFE ID with a path, among its alternative names"},
    {"wrong_usage", "the peer's certificate, or one that leads to its authority, may not be used so",
     "issue one with digitalSignature, clientAuth and serverAuth that is no authority's"},
    {"unknown_ca", "the peer's certificate leads to no authority that is believed",
     "put the intermediate into the peer's file, or the root into tls.authorities"},
    {"revoked", "the peer's certificate was revoked, or no valid list tells that it was not",
     "have a new one issued for the peer, or renew the lists of tls.revoked"},
    {"weak_key", "a key or a signature of the peer's certificates is too weak", "issue one with a better key"},
    {"no_certificate", "the peer showed no certificate", "see who listens there: it is no worker of meshd"},
    {"refused", "the peer did not accept this side's certificate", "the log of the peer's worker says which reason it has"},
    {"protocol", "the peer does not speak TLS 1.3", "see who listens there: it is no worker of meshd, or an old one"},
    {"timeout", "the peer did not answer in time", "see that the peer's worker runs"},
    {"reset", "the connection ended before the handshake did", "see that the peer's worker runs and has a certificate"},
    {"connect", "no connection to the peer could be made",
     "see that the peer's agent runs, and that firewalls let tls.inbound_port pass"},
    {"wrong_name", "the server's certificate is for another name",
     "see that the backend is the one that is meant; else tls.server_name of the service is wrong"},
}};

// What is said otherwise of servers outside of the mesh.
constexpr std::array<Words, 11> outside_words{{
    {"ok", "the server's certificate was accepted", ""},
    {"expired", "the server's certificate, or one that leads to its authority, has expired", "who runs the server must renew it"},
    {"not_yet_valid", "the server's certificate, or one that leads to its authority, is not valid yet",
     "set the clock of this host"},
    {"wrong_usage", "the server's certificate, or one that leads to its authority, may not be used so",
     "who runs the server must show one for servers"},
    {"unknown_ca", "the server's certificate leads to no authority that is believed",
     "put its authority into the file of the service's credentials; or the server does not show what leads there"},
    {"weak_key", "a key or a signature of the server's certificates is too weak", "who runs the server must get a better one"},
    {"refused", "the server did not accept this side's certificate, or wants one",
     "give the service credentials with a certificate that the server believes"},
    {"protocol", "the server does not speak TLS as it was asked to",
     "see who listens there, and tls.min_version and tls.alpn of the service"},
    {"timeout", "the server did not answer in time", "see that it runs"},
    {"reset", "the server ended the connection before the handshake was over", "see that it speaks TLS, and its log"},
    {"connect", "no connection to the server could be made", "see that it runs, and that firewalls let its port pass"},
}};

const Words& words_of(HandshakeResult result, bool is_outside) {
    const auto& usual = words.at(static_cast<std::size_t>(result));
    if (!is_outside) return usual;
    const auto* const other =
        std::find_if(outside_words.begin(), outside_words.end(), [&](const Words& one) { return one.name == usual.name; });
    return other == outside_words.end() ? usual : *other;
}

}  // namespace

std::string_view name(HandshakeResult result) { return words.at(static_cast<std::size_t>(result)).name; }
std::string_view meaning(HandshakeResult result, bool is_outside) { return words_of(result, is_outside).meaning; }
std::string_view remedy(HandshakeResult result, bool is_outside) { return words_of(result, is_outside).remedy; }

}  // namespace meshd::tls
