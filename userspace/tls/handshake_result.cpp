// SPDX-License-Identifier: Apache-2.0
#include "tls/handshake_result.hpp"

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
}};

}  // namespace

std::string_view name(HandshakeResult result) { return words.at(static_cast<std::size_t>(result)).name; }
std::string_view meaning(HandshakeResult result) { return words.at(static_cast<std::size_t>(result)).meaning; }
std::string_view remedy(HandshakeResult result) { return words.at(static_cast<std::size_t>(result)).remedy; }

}  // namespace meshd::tls
