// SPDX-License-Identifier: Apache-2.0
// What we hang on OpenSSL's sessions. Private to this library.
#pragma once

#include <string>

#include <openssl/ssl.h>

#include "tls/contexts.hpp"
#include "tls/handshake_result.hpp"
#include "tls/x509.hpp"

namespace meshd::tls {

class SessionSecrets;

struct SessionData {
    // On a context, which sessions keep alive longer than the credentials may live.
    static void set_trust_domain(SSL_CTX* context, const std::string& trust_domain);
    static const std::string& trust_domain(const SSL* session);

    static void reject(SSL* session, HandshakeFailure failure);
    static const HandshakeFailure* rejection(const SSL* session);  // null: its peer was not rejected

    static void set_keeper(SSL* session, TicketKeeper* keeper);
    static TicketKeeper* keeper(const SSL* session);

    // What a server offers by ALPN, RFC 7301, 3.1; null: nothing. Must outlive the session.
    static void set_protocols(SSL* session, const std::string* protocols);
    static const std::string* protocols(const SSL* session);

    static void set_secrets(SSL* session, SessionSecrets* secrets);
    static SessionSecrets* secrets(const SSL* session);  // null: nobody keeps them

    // When the certificates of the peer end, of what a ticket is made from; the epoch: not known.
    static void set_end(SSL_SESSION* session, Time end);
    static Time end(const SSL_SESSION* session);
};

}  // namespace meshd::tls
