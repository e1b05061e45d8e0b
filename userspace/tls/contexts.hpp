// SPDX-License-Identifier: Apache-2.0
// What credentials.hpp hides from those who do not know OpenSSL. Private to this library.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <openssl/ssl.h>

#include "tls/credentials.hpp"
#include "tls/handshake_result.hpp"
#include "tls/revoked_identities.hpp"
#include "tls/session_details.hpp"

namespace meshd::tls {

struct FreeContext {
    void operator()(SSL_CTX* context) const { ::SSL_CTX_free(context); }
};
using ContextPtr = std::unique_ptr<SSL_CTX, FreeContext>;

// Both ask for and check the peer's certificate, TLS 1.3 only, no early data, no cache of sessions inside (who keeps tickets
// does so himself), SSL_MODE_RELEASE_BUFFERS. For a server outside of the mesh only a client's, and of TLS 1.2, too.
struct Credentials::Contexts {
    ContextPtr client, server;
    std::string identity, trust_domain;
    std::shared_ptr<const RevokedIdentities> revoked_identities = std::make_shared<RevokedIdentities>();
    // Of a client of servers outside of the mesh: whom their certificates must be for, and who is asked for (SNI); empty: each
    // for its address, and nobody.
    std::optional<std::string> server_name{};
    std::chrono::system_clock::time_point not_before, not_after;
    std::uint64_t number = 0;
};

// Who wants the tickets that the server of a client's session hands out, one for each. Must outlive the session, or be taken
// from it before.
class TicketKeeper {
public:
    TicketKeeper() = default;
    TicketKeeper(const TicketKeeper&) = delete;
    TicketKeeper& operator=(const TicketKeeper&) = delete;
    virtual ~TicketKeeper() = default;

    // Must take a reference of its own to keep it. OpenSSL spoils a ticket when the session it came in is freed without a
    // goodbye: SSL_set_shutdown(session, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN) before that keeps it good.
    virtual void keep(SSL* session, SSL_SESSION* ticket) = 0;
};
void keep_tickets(SSL* client, TicketKeeper* keeper);  // null: nobody

// Whether a ticket may be shown to the server it came from: it ends when one of that server's certificates does. Tickets belong
// to the credentials they were given under. (What a server believes of a client's ticket it checks itself.)
bool may_resume(const SSL_SESSION* ticket);

// Why the peer's certificate was not accepted in this session; the rest (alerts, ends) from the error queue, which it empties.
// `error`: what SSL_get_error() said.
HandshakeFailure why_failed(SSL* session, int error);

// The peer's SPIFFE ID after a handshake that was ok; also of a resumed session.
std::string peer_identity(SSL* session);

SessionDetails details_of(SSL* session);

// Whether the peer's certificate stands on a revocation list that `by` has, or its identity does and it is one of those that no
// list tells of: lists name what was valid when they were made, a connection may be older.
bool is_peer_revoked(const SSL* session, const Credentials::Contexts& by);

}  // namespace meshd::tls
