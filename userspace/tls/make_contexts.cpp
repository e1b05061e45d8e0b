// SPDX-License-Identifier: Apache-2.0
#include "tls/make_contexts.hpp"

#include <algorithm>
#include <array>
#include <atomic>

#include <openssl/ssl.h>

#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include "base/time_text.hpp"
#include "tls/session.hpp"
#include "tls/session_data.hpp"
#include "tls/session_secrets.hpp"
#include "tls/verify.hpp"

namespace meshd::tls {

namespace {

constexpr unsigned tickets = 1;       // with each full handshake
constexpr long most_sessions = 4096;  // of a server, the newest; some 6 KB each, as each holds a certificate
constexpr const char* groups = "X25519:P-256:P-384";
constexpr const char* ciphers_with_aes = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* ciphers_without_aes = "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384";

std::atomic<bool> are_secrets_kept = false;  // of sessions from contexts that are made from now on

bool has_aes() {
#if defined(__x86_64__)
    return __builtin_cpu_supports("aes") != 0 && __builtin_cpu_supports("pclmul") != 0;
#elif defined(__aarch64__)
    return (::getauxval(AT_HWCAP) & HWCAP_AES) != 0;
#else
    return false;
#endif
}

int verify_peer(X509_STORE_CTX* store, void* /*argument*/) {
    auto* const session = session_of(store);
    return conclude(store, session, verify(store, SessionData::trust_domain(session)));
}

// A new ticket of the server. One that is past its time is not believed, and a full handshake follows.
int set_time(SSL* session, void* /*argument*/) {
    auto* const ticket = ::SSL_get_session(session);
    const auto left = base::unix_seconds(SessionData::end(ticket)) - base::unix_seconds(std::chrono::system_clock::now());
    if (left > 0) return ::SSL_SESSION_set_timeout(ticket, left) == 1 ? 1 : 0;
    ::SSL_SESSION_set_time(ticket, 1);  // long past
    return 1;
}

int hand_over(SSL* session, SSL_SESSION* ticket) {
    if (auto* const keeper = SessionData::keeper(session)) keeper->keep(session, ticket);
    return 0;  // OpenSSL's reference stays OpenSSL's
}

base::Result<ContextPtr> context(const SSL_METHOD* method, const Identity& identity, X509_STORE* store,
                                 const std::string& trust_domain) {
    auto made = empty_context(method);
    if (!made) return made;
    auto* const raw = made->get();
    let_secrets_through(raw);
    ::SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    ::SSL_CTX_set_cert_verify_callback(raw, verify_peer, nullptr);
    SSL_CTX_set1_cert_store(raw, store);
    SessionData::set_trust_domain(raw, trust_domain);
    const auto left = std::chrono::duration_cast<std::chrono::seconds>(not_after(identity.chain.front().get()) -
                                                                       std::chrono::system_clock::now());
    ::SSL_CTX_set_timeout(raw, std::clamp<std::chrono::seconds>(left, std::chrono::seconds(1), longest_ticket).count());
    const bool is_done = SSL_CTX_set_min_proto_version(raw, TLS1_3_VERSION) == 1 &&
                         SSL_CTX_set_max_proto_version(raw, TLS1_3_VERSION) == 1 && use_identity(raw, identity);
    if (!is_done) return base::fail({"use the certificate of", called(identity.chain.front().get()), 0, openssl_error(), {}});
    return made;
}

}  // namespace

base::Result<ContextPtr> empty_context(const SSL_METHOD* method) {
    const auto failed = [] { return base::fail({"make a context of", "TLS", 0, openssl_error(), {}}); };
    ContextPtr made(::SSL_CTX_new(method));
    auto* const raw = made.get();
    if (raw == nullptr) return failed();
    ::SSL_CTX_set_security_level(raw, min_security_level);
    ::SSL_CTX_set_options(raw, SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_NO_AUTO_CHAIN);
    ::SSL_CTX_set_verify_depth(raw, longest_chain);
    if (::SSL_CTX_set_ciphersuites(raw, has_aes() ? ciphers_with_aes : ciphers_without_aes) != 1 ||
        SSL_CTX_set1_groups_list(raw, groups) != 1)
        return failed();
    return made;
}

bool use_identity(SSL_CTX* context, const Identity& identity) {
    if (::SSL_CTX_use_certificate(context, identity.chain.front().get()) != 1) return false;
    for (auto at = identity.chain.begin() + 1; at != identity.chain.end(); ++at)
        if (SSL_CTX_add1_chain_cert(context, at->get()) != 1) return false;
    return ::SSL_CTX_use_PrivateKey(context, identity.key.get()) == 1 && ::SSL_CTX_check_private_key(context) == 1;
}

SSL* session_of(X509_STORE_CTX* store) {
    return static_cast<SSL*>(::X509_STORE_CTX_get_ex_data(store, ::SSL_get_ex_data_X509_STORE_CTX_idx()));
}

int conclude(X509_STORE_CTX* store, SSL* session, std::optional<HandshakeFailure> verdict) {
    if (verdict) {
        SessionData::reject(session, std::move(*verdict));
        return 0;
    }
    const auto end = std::min(earliest_end(store), std::chrono::system_clock::now() + longest_ticket);
    SessionData::set_end(::SSL_get_session(session), end);
    return 1;
}

void keep_secrets_for_kernel() { are_secrets_kept = true; }

void let_secrets_through(SSL_CTX* context) {
    if (are_secrets_kept) SessionSecrets::let_through(context);
}

void hand_over_tickets(SSL_CTX* client) {
    SSL_CTX_set_session_cache_mode(client, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    ::SSL_CTX_sess_set_new_cb(client, hand_over);
}

base::Result<ContextPtr> client_context(const Identity& identity, X509_STORE* store, const std::string& trust_domain) {
    auto made = context(::TLS_client_method(), identity, store, trust_domain);
    if (!made) return made;
    hand_over_tickets(made->get());
    return made;
}

base::Result<ContextPtr> server_context(const Identity& identity, X509_STORE* store, const std::string& trust_domain) {
    auto made = context(::TLS_server_method(), identity, store, trust_domain);
    if (!made) return made;
    // Sessions are kept here and tickets only name them. In a ticket that held one, the peer's certificate would be parsed anew
    // at each resumption, which with OpenSSL 3.0 costs more than the rest of the handshake. The sessions of earlier credentials
    // went with their context.
    ::SSL_CTX_set_options(made->get(), SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(made->get(), SSL_SESS_CACHE_SERVER);
    SSL_CTX_sess_set_cache_size(made->get(), most_sessions);
    constexpr std::array<unsigned char, 5> session_context{'m', 'e', 's', 'h', 'd'};
    ::SSL_CTX_set_session_id_context(made->get(), session_context.data(), session_context.size());
    ::SSL_CTX_set_num_tickets(made->get(), tickets);
    ::SSL_CTX_set_session_ticket_cb(made->get(), set_time, nullptr, nullptr);
    return made;
}

}  // namespace meshd::tls
