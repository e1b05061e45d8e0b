// SPDX-License-Identifier: Apache-2.0
#include "tls/session_data.hpp"

#include <cstdint>
#include <utility>

#include "base/time_text.hpp"

namespace meshd::tls {

namespace {

template <typename T>
void free_data(void* /*parent*/, void* data, CRYPTO_EX_DATA* /*all*/, int /*index*/, long /*argument*/, void* /*pointer*/) {
    delete static_cast<T*>(data);
}

int trust_domain_index() {
    static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_data<std::string>);
    return index;
}

int rejection_index() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, free_data<HandshakeFailure>);
    return index;
}

int keeper_index() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

int protocols_index() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

int secrets_index() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

// Seconds in the place of a pointer: OpenSSL copies it with the session it makes a ticket from.
int end_index() {
    static const int index = SSL_SESSION_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

}  // namespace

void SessionData::set_trust_domain(SSL_CTX* context, const std::string& trust_domain) {
    ::SSL_CTX_set_ex_data(context, trust_domain_index(), new std::string(trust_domain));
}

const std::string& SessionData::trust_domain(const SSL* session) {
    return *static_cast<const std::string*>(::SSL_CTX_get_ex_data(::SSL_get_SSL_CTX(session), trust_domain_index()));
}

void SessionData::reject(SSL* session, HandshakeFailure failure) {
    delete rejection(session);
    ::SSL_set_ex_data(session, rejection_index(), new HandshakeFailure(std::move(failure)));
}

const HandshakeFailure* SessionData::rejection(const SSL* session) {
    return static_cast<const HandshakeFailure*>(::SSL_get_ex_data(session, rejection_index()));
}

void SessionData::set_keeper(SSL* session, TicketKeeper* keeper) { ::SSL_set_ex_data(session, keeper_index(), keeper); }

TicketKeeper* SessionData::keeper(const SSL* session) {
    return static_cast<TicketKeeper*>(::SSL_get_ex_data(session, keeper_index()));
}

void SessionData::set_protocols(SSL* session, const std::string* protocols) {
    ::SSL_set_ex_data(session, protocols_index(), const_cast<std::string*>(protocols));
}

const std::string* SessionData::protocols(const SSL* session) {
    return static_cast<const std::string*>(::SSL_get_ex_data(session, protocols_index()));
}

void SessionData::set_secrets(SSL* session, SessionSecrets* secrets) { ::SSL_set_ex_data(session, secrets_index(), secrets); }

SessionSecrets* SessionData::secrets(const SSL* session) {
    return static_cast<SessionSecrets*>(::SSL_get_ex_data(session, secrets_index()));
}

void SessionData::set_end(SSL_SESSION* session, Time end) {
    ::SSL_SESSION_set_ex_data(session, end_index(), reinterpret_cast<void*>(std::intptr_t{base::unix_seconds(end)}));
}

Time SessionData::end(const SSL_SESSION* session) {
    const auto seconds = reinterpret_cast<std::intptr_t>(::SSL_SESSION_get_ex_data(session, end_index()));
    return Time(std::chrono::seconds(seconds));
}

}  // namespace meshd::tls
