// SPDX-License-Identifier: Apache-2.0
#include "tls/outside_trust.hpp"

#include <utility>

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "tls/contexts.hpp"
#include "tls/edge_context.hpp"
#include "tls/identity_files.hpp"
#include "tls/make_contexts.hpp"
#include "tls/verify.hpp"
#include "tls/x509.hpp"

namespace meshd::tls {

namespace {

constexpr std::string_view operation = "use authorities of";
// With forward secrecy and authenticated encryption, as those of TLS 1.3 all are.
constexpr const char* ciphers_of_tls12 = "ECDHE+AESGCM:ECDHE+CHACHA20";

base::Result<StorePtr> load_store(const std::string& path) {
    StorePtr store(::X509_STORE_new());
    if (path.empty()) {
        if (::X509_STORE_set_default_paths(store.get()) != 1)
            return base::fail({std::string(operation), "the system", 0, openssl_error(), "install the package ca-certificates"});
        return store;
    }
    const auto text = read_for_worker(path);
    if (!text) return tl::make_unexpected(text.error());
    const auto certificates = certificates_in(*text, path);
    if (!certificates) return tl::make_unexpected(certificates.error());
    for (const auto& certificate : *certificates)
        if (::X509_STORE_add_cert(store.get(), certificate.get()) != 1)
            return base::fail({std::string(operation), path, 0, openssl_error(), {}});
    return store;
}

int verify_server(X509_STORE_CTX* store, void* /*argument*/) { return conclude(store, session_of(store), verify_outside(store)); }

bool offer(SSL_CTX* context, const std::vector<std::string>& protocols) {
    const auto list = protocol_list(protocols);
    return list.empty() || ::SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(list.data()),
                                                     static_cast<unsigned>(list.size())) == 0;
}

base::Result<ContextPtr> context_for(const model::Origination& server, X509_STORE* store,
                                     const std::optional<Identity>& identity) {
    auto made = empty_context(::TLS_client_method());
    if (!made) return made;
    auto* const context = made->get();
    ::SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
    ::SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    ::SSL_CTX_set_cert_verify_callback(context, verify_server, nullptr);
    SSL_CTX_set1_cert_store(context, store);
    let_secrets_through(context);
    hand_over_tickets(context);
    const auto oldest = server.min_version == model::TlsVersion::tls_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
    const bool is_done = SSL_CTX_set_min_proto_version(context, oldest) == 1 &&
                         ::SSL_CTX_set_cipher_list(context, ciphers_of_tls12) == 1 && offer(context, server.alpn) &&
                         (!identity || use_identity(context, *identity));
    if (!is_done) return base::fail({"use the certificate of", server.credentials, 0, openssl_error(), {}});
    return made;
}

}  // namespace

struct OutsideTrust::Parts {
    StorePtr store;
    std::optional<Identity> identity;
};

base::Result<std::shared_ptr<const OutsideTrust>> OutsideTrust::load(const model::OutsideCredentials& files) {
    auto parts = std::make_unique<Parts>();
    auto store = load_store(files.authorities);
    if (!store) return tl::make_unexpected(store.error());
    parts->store = std::move(*store);
    if (!files.files.certificate.empty()) {
        auto identity = read_identity(files.files);
        if (!identity) return tl::make_unexpected(identity.error());
        parts->identity = std::move(*identity);
    }
    std::shared_ptr<const OutsideTrust> made(new OutsideTrust(std::move(parts)));
    // What OpenSSL does not take, such as a key that is too weak, is found now and not with the first connection.
    if (auto context = context_for({.credentials = files.name}, made->parts_->store.get(), made->parts_->identity); !context)
        return tl::make_unexpected(context.error());
    return made;
}

OutsideTrust::OutsideTrust(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
OutsideTrust::~OutsideTrust() = default;

base::Result<std::shared_ptr<const Credentials>> OutsideTrust::credentials(const model::Origination& server) const {
    auto context = context_for(server, parts_->store.get(), parts_->identity);
    if (!context) return tl::make_unexpected(context.error());
    auto contexts = std::make_unique<Credentials::Contexts>();
    contexts->client = std::move(*context);
    contexts->server_name = server.server_name;
    contexts->identity = shows();
    contexts->not_before = not_before().value_or(Time{});
    contexts->not_after = not_after().value_or(Time::max());
    return Credentials::of(std::move(contexts));
}

std::string OutsideTrust::shows() const {
    return parts_->identity ? called(parts_->identity->chain.front().get()) : std::string();
}

std::optional<Time> OutsideTrust::not_before() const {
    if (!parts_->identity) return std::nullopt;
    return tls::not_before(parts_->identity->chain.front().get());
}

std::optional<Time> OutsideTrust::not_after() const {
    if (!parts_->identity) return std::nullopt;
    return tls::not_after(parts_->identity->chain.front().get());
}

}  // namespace meshd::tls
