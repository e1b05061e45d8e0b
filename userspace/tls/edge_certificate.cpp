// SPDX-License-Identifier: Apache-2.0
#include "tls/edge_certificate.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "base/time_text.hpp"
#include "tls/edge_context.hpp"
#include "tls/edge_state.hpp"
#include "tls/identity_files.hpp"
#include "tls/session_data.hpp"
#include "tls/verify.hpp"

namespace meshd::tls {

namespace {

// Mozilla's Server Side TLS guidelines 5.7 (https://ssl-config.mozilla.org/guidelines/5.7.json): lists, and that the client's
// preference counts.
constexpr const char* suites_of_13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* suites_of_12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:"
    "DHE-RSA-CHACHA20-POLY1305";
constexpr const char* groups = "X25519:P-256:P-384";
constexpr auto longest_session = TicketKeys::longest_use;
constexpr int ffdhe_of_2048_bits = 1;  // chosen by the library: RFC 7919

using State = EdgeCertificate::State;

int choose_protocol(SSL* session, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                    unsigned offered_size, void* /*argument*/) {
    const auto* const ours = SessionData::protocols(session);
    if (ours == nullptr || ours->empty()) return SSL_TLSEXT_ERR_NOACK;
    unsigned char* found = nullptr;
    const auto outcome = ::SSL_select_next_proto(&found, size, reinterpret_cast<const unsigned char*>(ours->data()),
                                                 static_cast<unsigned>(ours->size()), offered, offered_size);
    *chosen = found;
    return outcome == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// Where a certificate knows its State.
int state_index() {
    static const int index = ::X509_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

// A session may have certificates for several kinds of keys: it is about the one that will be shown.
int show_staple(SSL* session, void* /*argument*/) {
    const auto* const shown = ::SSL_get_certificate(session);
    const auto* const state = shown == nullptr ? nullptr : static_cast<const State*>(::X509_get_ex_data(shown, state_index()));
    if (state == nullptr) return SSL_TLSEXT_ERR_NOACK;
    const auto& staple = state->staple;
    if (!staple || !staple->is_valid(std::chrono::system_clock::now())) return SSL_TLSEXT_ERR_NOACK;
    void* const copy = ::OPENSSL_memdup(staple->der.data(), staple->der.size());
    if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
    ::SSL_set_tlsext_status_ocsp_resp(session, static_cast<unsigned char*>(copy), static_cast<long>(staple->der.size()));
    return SSL_TLSEXT_ERR_OK;
}

// A session is taken up only where the same certificate would be shown.
bool name_sessions_after(SSL_CTX* context, const X509* certificate) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
    unsigned size = 0;
    return ::X509_digest(certificate, ::EVP_sha256(), hash.data(), &size) == 1 &&
           ::SSL_CTX_set_session_id_context(context, hash.data(), size) == 1;
}

base::Result<ContextPtr> context_for(const Identity& identity, model::TlsProfile profile) {
    ContextPtr made(::SSL_CTX_new(::TLS_server_method()));
    auto* const raw = made.get();
    if (raw == nullptr) return base::fail({"make a context of", "TLS", 0, openssl_error(), {}});
    ::SSL_CTX_set_security_level(raw, min_security_level);
    ::SSL_CTX_set_options(raw, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_NO_AUTO_CHAIN);
    ::SSL_CTX_set_verify(raw, SSL_VERIFY_NONE, nullptr);
    SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
    ::SSL_CTX_set_timeout(raw, std::chrono::duration_cast<std::chrono::seconds>(longest_session).count());
    ::SSL_CTX_set_alpn_select_cb(raw, choose_protocol, nullptr);
    const auto lowest = profile == model::TlsProfile::modern ? TLS1_3_VERSION : TLS1_2_VERSION;
    const auto* const leaf = identity.chain.front().get();
    const bool is_done =
        SSL_CTX_set_min_proto_version(raw, lowest) == 1 && SSL_CTX_set_max_proto_version(raw, TLS1_3_VERSION) == 1 &&
        ::SSL_CTX_set_ciphersuites(raw, suites_of_13) == 1 && ::SSL_CTX_set_cipher_list(raw, suites_of_12) == 1 &&
        SSL_CTX_set1_groups_list(raw, groups) == 1 && SSL_CTX_set_dh_auto(raw, ffdhe_of_2048_bits) == 1 &&
        name_sessions_after(raw, leaf) && use_identity(raw, identity);
    if (!is_done) return base::fail({"use the certificate of", called(leaf), 0, openssl_error(), {}});
    return made;
}

std::vector<std::string> server_names_of(const X509* certificate) {
    std::vector<std::string> names;
    for (auto& name : dns_names_of(certificate)) {
        std::transform(name.begin(), name.end(), name.begin(), [](unsigned char letter) { return std::tolower(letter); });
        if (name != "*" && model::is_server_name_pattern(name)) names.push_back(std::move(name));
    }
    return names;
}

void read_staple(const std::string& path, const Identity& identity, State& state) {
    state.must_staple = must_staple(identity.chain.front().get());
    if (path.empty()) return;
    auto bytes = read_for_worker(path);
    auto staple = bytes ? staple_in(std::move(*bytes), path, identity.chain) : tl::make_unexpected(bytes.error());
    if (staple)
        state.staple = std::move(*staple);
    else
        state.staple_problem = staple.error().message();
}

}  // namespace

base::Result<std::shared_ptr<const EdgeCertificate>> EdgeCertificate::load(const model::EdgeCertificate& files,
                                                                           model::TlsProfile profile,
                                                                           std::shared_ptr<TicketKeys> tickets) {
    const auto identity = read_identity(files.files);
    if (!identity) return tl::make_unexpected(identity.error());
    auto context = context_for(*identity, profile);
    if (!context) return tl::make_unexpected(context.error());
    std::shared_ptr<EdgeCertificate> made(new EdgeCertificate);
    auto& state = *made->state_;
    auto* const leaf = identity->chain.front().get();
    if (::X509_set_ex_data(leaf, state_index(), &state) != 1)
        return base::fail({"use the certificate of", called(leaf), 0, openssl_error(), {}});
    state.key_type = ::EVP_PKEY_get_base_id(identity->key.get());
    state.tickets = std::move(tickets);
    state.server = std::move(*context);
    state.path = files.files.certificate;
    state.names = server_names_of(leaf);
    state.not_before = tls::not_before(leaf);
    state.not_after = tls::not_after(leaf);
    read_staple(files.ocsp, *identity, state);
    state.tickets->serve(state.server.get());
    SSL_CTX_set_tlsext_status_cb(state.server.get(), show_staple);
    return made;
}

base::Result<std::shared_ptr<const EdgeCertificate>> EdgeCertificate::of_challenge(const ChallengeCertificate& challenge,
                                                                                   const std::string& name) {
    const auto identity = identity_in(challenge.certificate_pem, challenge.key_pem,
                                      {"the challenge for " + name, "the key of the challenge for " + name});
    if (!identity) return tl::make_unexpected(identity.error());
    auto context = context_for(*identity, model::TlsProfile::intermediate);
    if (!context) return tl::make_unexpected(context.error());
    std::shared_ptr<EdgeCertificate> made(new EdgeCertificate);
    made->state_->server = std::move(*context);
    ::SSL_CTX_set_options(made->state_->server.get(), SSL_OP_NO_TICKET);
    ::SSL_CTX_set_num_tickets(made->state_->server.get(), 0);
    return made;
}

std::string EdgeCertificate::problem(std::chrono::system_clock::time_point now) const {
    const auto& state = *state_;
    if (now >= state.not_after) return "it expired " + base::time_text(state.not_after) + "; put a new one in its place";
    if (now < state.not_before)
        return "it is valid only from " + base::time_text(state.not_before) + "; look at this host's clock";
    if (!state.staple_problem.empty()) return state.staple_problem;
    if (state.staple && now >= state.staple->ends)
        return "its OCSP response was valid until " + base::time_text(state.staple->ends) + "; put a new one in its place";
    if (state.staple && now < state.staple->begins)
        return "its OCSP response is valid only from " + base::time_text(state.staple->begins) + "; look at this host's clock";
    if (state.must_staple && !state.staple)
        return "it says that it must come with an OCSP response, and there is none; give it the key \"ocsp\"";
    return {};
}

EdgeCertificate::EdgeCertificate() : state_(std::make_unique<State>()) {}
EdgeCertificate::~EdgeCertificate() = default;

const std::vector<std::string>& EdgeCertificate::names() const { return state_->names; }
int EdgeCertificate::key_type() const { return state_->key_type; }
std::chrono::system_clock::time_point EdgeCertificate::not_before() const { return state_->not_before; }
std::chrono::system_clock::time_point EdgeCertificate::not_after() const { return state_->not_after; }

}  // namespace meshd::tls
