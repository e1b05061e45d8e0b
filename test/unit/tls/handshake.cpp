// SPDX-License-Identifier: Apache-2.0
#include "handshake.hpp"

#include <array>

namespace meshd::tls {

namespace {

// One step of a side; true: it can go on when the other has answered.
bool step(SSL* session, HandshakeFailure& result) {
    std::array<char, 16> nothing{};
    const int done =
        SSL_is_init_finished(session) != 0 ? ::SSL_read(session, nothing.data(), nothing.size()) : ::SSL_do_handshake(session);
    const auto error = ::SSL_get_error(session, done);
    if (SSL_is_init_finished(session) != 0) result = {HandshakeResult::ok, {}};
    if (done > 0 || error == SSL_ERROR_WANT_READ) return true;
    result = why_failed(session, error);
    return false;
}

}  // namespace

Handshake::Handshake(const Credentials& client, const Credentials& server, SSL_SESSION* ticket)
    : Handshake(client.contexts().client.get(), server.contexts().server.get(), ticket) {}

Handshake::Handshake(SSL_CTX* client, SSL_CTX* server, SSL_SESSION* ticket)
    : client_(::SSL_new(client)), server_(::SSL_new(server)) {
    BIO* client_end = nullptr;
    BIO* server_end = nullptr;
    ::BIO_new_bio_pair(&client_end, 1U << 18U, &server_end, 1U << 18U);
    ::SSL_set_bio(client_.get(), client_end, client_end);
    ::SSL_set_bio(server_.get(), server_end, server_end);
    ::SSL_set_connect_state(client_.get());
    ::SSL_set_accept_state(server_.get());
    keep_tickets(client_.get(), this);
    if (ticket != nullptr) ::SSL_set_session(client_.get(), ticket);
}

// As after a goodbye: without one OpenSSL forgets the session, on both sides.
Handshake::~Handshake() {
    for (auto* const side : {client_.get(), server_.get()}) ::SSL_set_shutdown(side, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

void Handshake::run() {
    constexpr int enough = 10;
    bool client_goes_on = true, server_goes_on = true;
    for (int round = 0; round < enough && (client_goes_on || server_goes_on); ++round) {
        if (client_goes_on) client_goes_on = step(client_.get(), client_result_);
        if (server_goes_on) server_goes_on = step(server_.get(), server_result_);
    }
}

void Handshake::keep(SSL* /*session*/, SSL_SESSION* ticket) {
    ::SSL_SESSION_up_ref(ticket);
    ticket_.reset(ticket);
}

}  // namespace meshd::tls
