// SPDX-License-Identifier: Apache-2.0
#include "tls/credentials.hpp"

#include <atomic>
#include <utility>

#include <fmt/format.h>
#include <openssl/x509v3.h>

#include "tls/contexts.hpp"
#include "tls/identity_files.hpp"
#include "tls/make_contexts.hpp"
#include "tls/trust_store.hpp"
#include "tls/verify.hpp"

namespace meshd::tls {

namespace {

constexpr std::string_view operation = "use certificate";

std::string_view own_remedy(HandshakeResult result) {
    switch (result) {
        case HandshakeResult::not_yet_valid:
            return "look at this host's clock";
        case HandshakeResult::unknown_ca:
            return "put what leads to the authority behind it into its file, or the authority into that of authorities";
        case HandshakeResult::revoked:
            return "have a new one issued, or renew the file of revocation lists";
        default:
            return "have a new one issued";
    }
}

base::Result<void> check(const Identity& identity, const TrustAnchors& trust, const std::string& path) {
    const auto failure = verify(identity.chain, trust);
    if (!failure) return {};
    return base::fail({std::string(operation), path, 0, fmt::format("{} ({})", failure->detail, name(failure->result)),
                       std::string(own_remedy(failure->result))});
}

std::uint64_t next_number() {
    static std::atomic<std::uint64_t> last = 0;
    return ++last;
}

}  // namespace

base::Result<std::shared_ptr<const Credentials>> Credentials::load(const model::CertificateFiles& files,
                                                                   const TrustFiles& trust) {
    const auto anchors = TrustAnchors::load(trust);
    if (!anchors) return tl::make_unexpected(anchors.error());
    return load(files, **anchors);
}

base::Result<std::shared_ptr<const Credentials>> Credentials::load(const model::CertificateFiles& files,
                                                                   const TrustAnchors& trust) {
    return load(files, trust, Check::as_peers_do);
}

base::Result<std::shared_ptr<const Credentials>> Credentials::load_unchecked(const model::CertificateFiles& files,
                                                                             const TrustAnchors& trust) {
    return load(files, trust, Check::skipped);
}

base::Result<std::shared_ptr<const Credentials>> Credentials::load(const model::CertificateFiles& files,
                                                                   const TrustAnchors& trust, Check how) {
    const auto identity = read_identity(files);
    if (!identity) return tl::make_unexpected(identity.error());
    if (how == Check::as_peers_do)
        if (const auto checked = check(*identity, trust, files.certificate); !checked)
            return tl::make_unexpected(checked.error());
    auto client = client_context(*identity, trust.store().store.get(), trust.trust_domain());
    if (!client) return tl::make_unexpected(client.error());
    auto server = server_context(*identity, trust.store().store.get(), trust.trust_domain());
    if (!server) return tl::make_unexpected(server.error());

    std::shared_ptr<Credentials> made(new Credentials);
    auto& contexts = *made->contexts_;
    const auto* const leaf = identity->chain.front().get();
    contexts.client = std::move(*client);
    contexts.server = std::move(*server);
    identity_of(leaf, contexts.identity);
    contexts.trust_domain = trust.trust_domain();
    contexts.revoked_identities = trust.store().revoked_identities;
    contexts.not_before = tls::not_before(leaf);
    contexts.not_after = tls::not_after(leaf);
    contexts.number = next_number();
    return made;
}

std::shared_ptr<const Credentials> Credentials::of(std::unique_ptr<Contexts> contexts) {
    std::shared_ptr<Credentials> made(new Credentials);
    made->contexts_ = std::move(contexts);
    made->contexts_->number = next_number();
    return made;
}

Credentials::Credentials() : contexts_(std::make_unique<Contexts>()) {}
Credentials::~Credentials() = default;

const std::string& Credentials::identity() const { return contexts_->identity; }
const std::string& Credentials::trust_domain() const { return contexts_->trust_domain; }
std::chrono::system_clock::time_point Credentials::not_before() const { return contexts_->not_before; }
std::chrono::system_clock::time_point Credentials::not_after() const { return contexts_->not_after; }
std::uint64_t Credentials::number() const { return contexts_->number; }
const Credentials::Contexts& Credentials::contexts() const { return *contexts_; }

}  // namespace meshd::tls
