// SPDX-License-Identifier: Apache-2.0
#include "tls/contexts.hpp"

#include <cstring>

#include <openssl/err.h>

#include "tls/session_data.hpp"
#include "tls/x509.hpp"

namespace meshd::tls {

namespace {

bool is_certificate_alert(int alert) {
    switch (alert) {
        case SSL_AD_BAD_CERTIFICATE:
        case SSL_AD_UNSUPPORTED_CERTIFICATE:
        case SSL_AD_CERTIFICATE_REVOKED:
        case SSL_AD_CERTIFICATE_EXPIRED:
        case SSL_AD_CERTIFICATE_UNKNOWN:
        case SSL_AD_UNKNOWN_CA:
        case SSL_AD_ACCESS_DENIED:
        case SSL_AD_CERTIFICATE_REQUIRED:
            return true;
        default:
            return false;
    }
}

HandshakeFailure failure_of(unsigned long code) {
    const auto* const words = ::ERR_reason_error_string(code);
    HandshakeFailure failure{HandshakeResult::protocol, words != nullptr ? words : "unknown"};
    if (ERR_GET_LIB(code) != ERR_LIB_SSL) return failure;
    const auto reason = ERR_GET_REASON(code);
    if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
        failure.result = HandshakeResult::no_certificate;
    else if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        failure.result = HandshakeResult::reset;
    else if (reason > SSL_AD_REASON_OFFSET && is_certificate_alert(reason - SSL_AD_REASON_OFFSET))
        failure.result = HandshakeResult::refused;
    return failure;
}

}  // namespace

HandshakeFailure why_failed(SSL* session, int error) {
    const auto code = ::ERR_peek_error();
    ::ERR_clear_error();
    if (const auto* const rejected = SessionData::rejection(session)) return *rejected;
    if (code != 0) return failure_of(code);
    if (error == SSL_ERROR_ZERO_RETURN) return {HandshakeResult::reset, "the peer closed the connection"};
    return {HandshakeResult::reset, "the connection ended"};
}

std::string peer_identity(SSL* session) {
    // A ticket holds the certificate of the one it was given to.
    const auto* const certificate = ::SSL_get0_peer_certificate(session);
    if (certificate == nullptr) return {};
    auto uris = uris_of(certificate);
    return uris.size() == 1 ? std::move(uris.front()) : std::string();
}

bool is_peer_revoked(const SSL* session, const Credentials::Contexts& by) {
    auto* const certificate = ::SSL_get0_peer_certificate(session);
    if (certificate == nullptr) return false;
    bool is_told_of = false;
    const auto* const known = ::X509_STORE_get0_objects(::SSL_CTX_get_cert_store(by.client.get()));
    for (int i = 0; i < sk_X509_OBJECT_num(known); ++i) {
        auto* const list = ::X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(known, i));
        X509_REVOKED* entry = nullptr;
        if (list == nullptr || ::X509_NAME_cmp(::X509_CRL_get_issuer(list), ::X509_get_issuer_name(certificate)) != 0) continue;
        if (::X509_CRL_get0_by_cert(list, &entry, certificate) == 1) return true;
        is_told_of = not_after(certificate) > std::chrono::system_clock::now();
    }
    return !is_told_of && is_revoked(*by.revoked_identities, certificate);
}

void keep_tickets(SSL* client, TicketKeeper* keeper) { SessionData::set_keeper(client, keeper); }

bool may_resume(const SSL_SESSION* ticket) {
    return ::SSL_SESSION_is_resumable(ticket) == 1 && std::chrono::system_clock::now() < SessionData::end(ticket);
}

}  // namespace meshd::tls
