// SPDX-License-Identifier: Apache-2.0
// Two sides of a handshake in memory, without sockets.
#pragma once

#include <memory>

#include <openssl/ssl.h>

#include "tls/contexts.hpp"

namespace meshd::tls {

struct FreeSession {
    void operator()(SSL* session) const { ::SSL_free(session); }
    void operator()(SSL_SESSION* ticket) const { ::SSL_SESSION_free(ticket); }
};
using TicketPtr = std::unique_ptr<SSL_SESSION, FreeSession>;

class Handshake : private TicketKeeper {
public:
    Handshake(const Credentials& client, const Credentials& server, SSL_SESSION* ticket = nullptr);
    Handshake(SSL_CTX* client, SSL_CTX* server, SSL_SESSION* ticket = nullptr);
    Handshake(const Handshake&) = delete;
    Handshake& operator=(const Handshake&) = delete;
    ~Handshake() override;

    // Runs it, and what the server says after it (tickets, alerts). HandshakeResult::ok or why it failed on a side.
    void run();
    [[nodiscard]] const HandshakeFailure& client_result() const { return client_result_; }
    [[nodiscard]] const HandshakeFailure& server_result() const { return server_result_; }
    [[nodiscard]] SSL* client() const { return client_.get(); }
    [[nodiscard]] SSL* server() const { return server_.get(); }
    TicketPtr take_ticket() { return std::move(ticket_); }

private:
    void keep(SSL* session, SSL_SESSION* ticket) override;

    std::unique_ptr<SSL, FreeSession> client_, server_;
    TicketPtr ticket_;
    HandshakeFailure client_result_{}, server_result_{};
};

}  // namespace meshd::tls
