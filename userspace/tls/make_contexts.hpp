// SPDX-License-Identifier: Apache-2.0
// Contexts of OpenSSL as meshd wants them. Private to this library.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "tls/contexts.hpp"
#include "tls/x509.hpp"

namespace meshd::tls {

// What one file of a certificate and one of its key hold.
struct Identity {
    std::vector<CertificatePtr> chain;  // the first is the workload's
    KeyPtr key;
};

// With its chain. False: OpenSSL has an error.
bool use_identity(SSL_CTX* context, const Identity& identity);

// Certificates are shown again after this long, however often a session is resumed in between.
inline constexpr std::chrono::hours longest_ticket{2};

// With what contexts of workers have in common, whomever they speak to. An error is OpenSSL's.
base::Result<ContextPtr> empty_context(const SSL_METHOD* method);
void let_secrets_through(SSL_CTX* context);  // to its sessions, where keep_secrets_for_kernel() was said
void hand_over_tickets(SSL_CTX* client);     // to the TicketKeeper of each session
// For callbacks that verify: what they return. `verdict`: of the session's peer; nothing: it is good.
int conclude(X509_STORE_CTX* store, SSL* session, std::optional<HandshakeFailure> verdict);
SSL* session_of(X509_STORE_CTX* store);

// `store`: whom to believe; shared by both. An error is OpenSSL's.
base::Result<ContextPtr> client_context(const Identity& identity, X509_STORE* store, const std::string& trust_domain);
base::Result<ContextPtr> server_context(const Identity& identity, X509_STORE* store, const std::string& trust_domain);

}  // namespace meshd::tls
