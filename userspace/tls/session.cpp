// SPDX-License-Identifier: Apache-2.0
#include "tls/session.hpp"

#include <new>
#include <utility>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "tls/contexts.hpp"
#include "tls/edge_state.hpp"
#include "tls/session_data.hpp"
#include "tls/session_secrets.hpp"
#include "tls/wire_bio.hpp"

namespace meshd::tls {

namespace {

// Well below the 2^24.5 records that AES-GCM may protect with one key (RFC 8446, 5.5).
constexpr std::uint32_t records_of_one_key = 1U << 23;

struct FreeSession {
    void operator()(SSL* session) const { ::SSL_free(session); }
};

// What led to the peer's certificate is of no use after the handshake, and a third of what an idle session holds. OpenSSL has no
// function to drop it, but hands out the stack itself, which belongs to this session alone; the certificate has another
// reference, for peer().
void forget_chain(SSL* session) {
    auto* const chain = ::SSL_get_peer_cert_chain(session);
    while (chain != nullptr && sk_X509_num(chain) > 0) ::X509_free(sk_X509_pop(chain));
}

// Whom the certificate of a server outside of the mesh must be for. RFC 9525: names among the alternative ones alone, a star for
// a whole label.
void expect(SSL* session, const std::string& name, const base::IpAddress& address) {
    auto* const expected = ::SSL_get0_param(session);
    ::X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    const bool is_set = name.empty() ? ::X509_VERIFY_PARAM_set1_ip_asc(expected, address.text().c_str()) == 1
                                     : ::X509_VERIFY_PARAM_set1_host(expected, name.data(), name.size()) == 1 &&
                                           SSL_set_tlsext_host_name(session, name.c_str()) == 1;
    if (!is_set) throw std::bad_alloc();
}

// Beside what its context has.
void add_certificate(SSL* session, const SSL_CTX* from) {
    STACK_OF(X509)* chain = nullptr;
    const bool is_added = ::SSL_use_certificate(session, ::SSL_CTX_get0_certificate(from)) == 1 &&
                          ::SSL_use_PrivateKey(session, ::SSL_CTX_get0_privatekey(from)) == 1 &&
                          SSL_CTX_get0_chain_certs(const_cast<SSL_CTX*>(from), &chain) == 1 &&
                          SSL_set1_chain(session, chain) == 1;
    if (!is_added) throw std::bad_alloc();
}

}  // namespace

struct Session::State final : TicketKeeper {
    State(std::shared_ptr<const void> keeps, SSL_CTX* context, Wire& shared)
        : owner(std::move(keeps)), wire(shared), ssl(::SSL_new(context)) {
        auto* const bio = new_wire_bio(wire);
        if (ssl == nullptr || bio == nullptr) {
            ::BIO_free(bio);
            throw std::bad_alloc();
        }
        ::SSL_set_bio(ssl.get(), bio, bio);
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    // A connection that was reset does not make its ticket worthless, as OpenSSL thinks.
    ~State() override {
        if (is_open) ::SSL_set_shutdown(ssl.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    }

    void keep(SSL* /*session*/, SSL_SESSION* fresh) override {
        ::SSL_SESSION_up_ref(fresh);
        ticket.reset(fresh, ::SSL_SESSION_free);
    }

    void keep_secrets() {
        if (SessionSecrets::are_let_through(::SSL_get_SSL_CTX(ssl.get()))) secrets = std::make_unique<SessionSecrets>(ssl.get());
    }

    // What OpenSSL has taken since `before`.
    void note_received(std::string_view before) {
        if (secrets != nullptr) secrets->feed(before.substr(0, before.size() - wire.received.size()));
    }

    Step fail(int error) {
        failure = std::make_unique<HandshakeFailure>(why_failed(ssl.get(), error));
        is_open = false;
        return Step::failed;
    }

    std::shared_ptr<const void> owner;  // of the context
    std::shared_ptr<const std::string> protocols{};
    Wire& wire;
    std::unique_ptr<SSL, FreeSession> ssl;
    Ticket ticket;
    std::unique_ptr<HandshakeFailure> failure;
    std::unique_ptr<SessionSecrets> secrets{};  // null: the kernel will never go on with it
    std::uint32_t records = 0;                  // written with this key
    bool is_open = false;                       // between a handshake that was ok and a failure
    bool is_worker = false;                     // the server's side of a connection between workers
};

Session::Session(std::shared_ptr<const Credentials> credentials, Side side, Wire& wire, const Ticket& ticket,
                 const base::IpAddress& server)
    : state_(std::make_unique<State>(
          credentials, side == Side::client ? credentials->contexts().client.get() : credentials->contexts().server.get(),
          wire)) {
    auto* const ssl = state_->ssl.get();
    state_->keep_secrets();
    if (side == Side::server) {
        ::SSL_set_accept_state(ssl);
        state_->is_worker = true;
        return;
    }
    ::SSL_set_connect_state(ssl);
    keep_tickets(ssl, state_.get());
    if (const auto& name = credentials->contexts().server_name) expect(ssl, *name, server);
    if (!is_usable(ticket)) return;
    // A copy, for OpenSSL marks what was taken up once as of no more use, to all who hold it.
    const Ticket copy(::SSL_SESSION_dup(ticket.get()), ::SSL_SESSION_free);
    if (copy != nullptr) ::SSL_set_session(ssl, copy.get());
}

Session::Session(const EdgeOffer& offer, Wire& wire)
    : state_(std::make_unique<State>(std::make_shared<const EdgeOffer>(offer), offer.certificate->state().server.get(), wire)) {
    auto* const ssl = state_->ssl.get();
    for (const auto& other : offer.others) add_certificate(ssl, other->state().server.get());
    state_->protocols = offer.protocols;
    SessionData::set_protocols(ssl, state_->protocols.get());
    ::SSL_set_accept_state(ssl);
}

Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Session::Step Session::handshake() {
    auto* const ssl = state_->ssl.get();
    const auto before = state_->wire.received;
    const int result = ::SSL_do_handshake(ssl);
    state_->note_received(before);
    if (result == 1) {
        state_->is_open = true;
        forget_chain(ssl);
        return Step::done;
    }
    const int error = ::SSL_get_error(ssl, result);
    if (error != SSL_ERROR_WANT_READ) return state_->fail(error);
    // Who takes a session up has a ticket, which is good until the session's end, for as many connections as there are; and what
    // is kept here is then one for each client, not the last of all connections.
    if (state_->is_worker && ::SSL_session_reused(ssl) == 1) ::SSL_set_num_tickets(ssl, 0);
    return Step::more;
}

Session::Got Session::read(std::span<char> into) {
    auto* const ssl = state_->ssl.get();
    std::size_t size = 0;
    while (size < into.size()) {
        std::size_t got = 0;
        const auto before = state_->wire.received;
        const int result = ::SSL_read_ex(ssl, into.data() + size, into.size() - size, &got);
        state_->note_received(before);
        if (result != 1) {
            const int error = ::SSL_get_error(ssl, result);
            if (error == SSL_ERROR_WANT_READ) return {size, Step::more};
            if (error == SSL_ERROR_ZERO_RETURN) return {size, Step::ended};
            return {size, state_->fail(error)};
        }
        size += got;
        if (state_->wire.received.empty() && ::SSL_pending(ssl) == 0) return {size, Step::more};
    }
    return {size, Step::done};
}

Session::Step Session::write(std::string_view plain) {
    auto* const ssl = state_->ssl.get();
    while (!plain.empty()) {
        std::size_t taken = 0;
        const int result = ::SSL_write_ex(ssl, plain.data(), plain.size(), &taken);
        if (result != 1) return state_->fail(::SSL_get_error(ssl, result));
        plain.remove_prefix(taken);
        if (++state_->records < records_of_one_key) continue;
        state_->records = 0;
        if (::SSL_version(ssl) == TLS1_3_VERSION) update_key();
    }
    return Step::done;
}

void Session::close() {
    if (state_->is_open && ::SSL_shutdown(state_->ssl.get()) < 0) ::ERR_clear_error();
}

HandshakeFailure Session::failure() const { return state_->failure != nullptr ? *state_->failure : HandshakeFailure{}; }
std::string Session::peer() const { return peer_identity(state_->ssl.get()); }
bool Session::is_peer_revoked(const Credentials& by) const { return tls::is_peer_revoked(state_->ssl.get(), by.contexts()); }
bool Session::is_accepted_at_once() const { return ::SSL_version(state_->ssl.get()) < TLS1_3_VERSION; }
bool Session::resumed() const { return ::SSL_session_reused(state_->ssl.get()) == 1; }
SessionDetails Session::details() const { return details_of(state_->ssl.get()); }
Session::Agreed Session::agreed() const {
    const auto* const ssl = state_->ssl.get();
    const unsigned char* protocol = nullptr;
    unsigned size = 0;
    ::SSL_get0_alpn_selected(ssl, &protocol, &size);
    return {::SSL_get_version(ssl), ::SSL_get_cipher_name(ssl), {reinterpret_cast<const char*>(protocol), size}};
}
Ticket Session::take_ticket() { return std::exchange(state_->ticket, {}); }

bool Session::may_leave() const { return state_->secrets != nullptr && state_->is_open && state_->secrets->are_known(); }

std::size_t Session::missing() const { return state_->secrets != nullptr ? state_->secrets->missing() : 0; }

std::optional<ktls::Keys> Session::keys(ktls::Way way) const {
    if (state_->secrets == nullptr) return std::nullopt;
    const bool is_all_read = missing() == 0 && state_->wire.received.empty() && ::SSL_pending(state_->ssl.get()) == 0;
    if (way == ktls::Way::receive && !is_all_read) return std::nullopt;
    return state_->secrets->keys(way);
}

std::optional<ktls::Keys> Session::next_keys(ktls::Way way) {
    if (state_->secrets == nullptr) return std::nullopt;
    return state_->secrets->next_keys(way);
}

void Session::update_key(bool of_both) {
    ::SSL_key_update(state_->ssl.get(), of_both ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED);
}

bool is_usable(const Ticket& ticket) { return ticket != nullptr && may_resume(ticket.get()); }

}  // namespace meshd::tls
