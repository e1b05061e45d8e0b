// SPDX-License-Identifier: Apache-2.0
#include "tls/trust_anchors.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "base/time_text.hpp"
#include "config/text_file.hpp"
#include "tls/trust_store.hpp"
#include "tls/verify.hpp"

namespace meshd::tls {

namespace {

constexpr std::string_view operation = "use authorities of";

base::Result<void> add_authorities(X509_STORE* store, const std::string& path) {
    const auto file = config::read_text_file(path);
    if (!file) return tl::make_unexpected(file.error());
    const auto certificates = certificates_in(file->text, path);
    if (!certificates) return tl::make_unexpected(certificates.error());
    for (const auto& certificate : *certificates) {
        if (::X509_check_ca(certificate.get()) == 0)
            return base::fail({std::string(operation), path, 0, called(certificate.get()) + " is no certificate of an authority",
                               "put certificates of authorities only into it"});
        if (::X509_STORE_add_cert(store, certificate.get()) != 1)
            return base::fail({std::string(operation), path, 0, openssl_error(), {}});
    }
    // Some may: those that others replace.
    const auto latest = std::max_element(certificates->begin(), certificates->end(), [](const auto& one, const auto& other) {
        return not_after(one.get()) < not_after(other.get());
    });
    if (const auto end = not_after(latest->get()); end <= std::chrono::system_clock::now())
        return base::fail(
            {std::string(operation), path, 0, fmt::format("all have expired, the last {}", base::time_text(end)), "renew them"});
    return {};
}

base::Result<void> add_revocations(TrustAnchors::Store& trust, const std::string& path) {
    auto* const store = trust.store.get();
    const auto file = config::read_text_file(path);
    if (!file) return tl::make_unexpected(file.error());
    const auto lists = revocations_in(file->text, path);
    if (!lists) return tl::make_unexpected(lists.error());
    for (const auto& list : *lists)
        if (::X509_STORE_add_crl(store, list.get()) != 1)
            return base::fail({"use revocation lists of", path, 0, openssl_error(), {}});
    trust.revoked_identities = std::make_shared<RevokedIdentities>(revoked_identities(*lists));
    ::X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    return {};
}

}  // namespace

base::Result<std::shared_ptr<const TrustAnchors>> TrustAnchors::load(const TrustFiles& files) {
    auto store = std::make_unique<Store>();
    store->store.reset(::X509_STORE_new());
    auto* const raw = store->store.get();
    ::X509_VERIFY_PARAM_set_auth_level(::X509_STORE_get0_param(raw), min_security_level);
    ::X509_VERIFY_PARAM_set_depth(::X509_STORE_get0_param(raw), longest_chain);
    auto added = add_authorities(raw, files.authorities);
    if (added && !files.revoked.empty()) added = add_revocations(*store, files.revoked);
    if (!added) return tl::make_unexpected(added.error());
    return std::shared_ptr<const TrustAnchors>(new TrustAnchors(files.trust_domain, std::move(store)));
}

TrustAnchors::TrustAnchors(std::string trust_domain, std::unique_ptr<Store> store)
    : trust_domain_(std::move(trust_domain)), store_(std::move(store)) {}
TrustAnchors::~TrustAnchors() = default;

}  // namespace meshd::tls
