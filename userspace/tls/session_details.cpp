// SPDX-License-Identifier: Apache-2.0
#include "tls/session_details.hpp"

#include <openssl/ssl.h>

#include "tls/contexts.hpp"
#include "tls/describe.hpp"
#include "tls/verify.hpp"
#include "tls/x509.hpp"

namespace meshd::tls {

namespace {

// Handshakes of other threads may add to the system's authorities.
bool is_believed(X509_STORE* store, const X509* certificate) {
    ::X509_STORE_lock(store);
    const auto* const known = ::X509_STORE_get0_objects(store);
    bool is_found = false;
    for (int i = 0; i < sk_X509_OBJECT_num(known) && !is_found; ++i) {
        const auto* const one = ::X509_OBJECT_get0_X509(sk_X509_OBJECT_value(known, i));
        is_found = one != nullptr && ::X509_cmp(one, certificate) == 0;
    }
    ::X509_STORE_unlock(store);
    return is_found;
}

}  // namespace

SessionDetails details_of(SSL* session) {
    SessionDetails details;
    // Without an agreement there is a name for that, too.
    if (const auto* const cipher = ::SSL_get_current_cipher(session)) {
        details.protocol = ::SSL_get_version(session);
        details.cipher = ::SSL_CIPHER_get_name(cipher);
        if (const auto* const group = SSL_group_to_name(session, static_cast<int>(SSL_get_negotiated_group(session))))
            details.group = group;
    }
    auto* const store = ::SSL_CTX_get_cert_store(::SSL_get_SSL_CTX(session));
    const auto flags = ::X509_VERIFY_PARAM_get_flags(::X509_STORE_get0_param(store));
    details.looks_at_revocations = (flags & X509_V_FLAG_CRL_CHECK) != 0;
    const auto* const chain = ::SSL_get0_verified_chain(session);
    for (int i = 0; i < sk_X509_num(chain) && i < longest_chain + 2; ++i) {
        const auto* const certificate = sk_X509_value(chain, i);
        details.chain.push_back(describe(certificate));
        if (is_believed(store, certificate)) details.authority = details.chain.back().subject;
    }
    return details;
}

}  // namespace meshd::tls
