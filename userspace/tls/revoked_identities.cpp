// SPDX-License-Identifier: Apache-2.0
#include "tls/revoked_identities.hpp"

#include <algorithm>

namespace meshd::tls {

namespace {

std::vector<std::string> identities_of(const X509_REVOKED* entry) {
    const NamesPtr names(static_cast<GENERAL_NAMES*>(::X509_REVOKED_get_ext_d2i(entry, NID_subject_alt_name, nullptr, nullptr)));
    return uris_of(names.get());
}

}  // namespace

bool set_revoked_identity(X509_REVOKED* entry, const std::string& identity) {
    using NamePtr = std::unique_ptr<GENERAL_NAME, FreeBy<::GENERAL_NAME_free>>;
    const NamesPtr names(sk_GENERAL_NAME_new_null());
    NamePtr name(::GENERAL_NAME_new());
    auto* const text = ::ASN1_IA5STRING_new();
    ::GENERAL_NAME_set0_value(name.get(), GEN_URI, text);
    const bool is_set = ::ASN1_STRING_set(text, identity.data(), static_cast<int>(identity.size())) == 1 &&
                        sk_GENERAL_NAME_push(names.get(), name.get()) > 0;
    if (is_set) static_cast<void>(name.release());
    return is_set && ::X509_REVOKED_add1_ext_i2d(entry, NID_subject_alt_name, names.get(), 0, 0) == 1;
}

RevokedIdentities revoked_identities(const std::vector<RevocationsPtr>& lists) {
    RevokedIdentities all;
    for (const auto& list : lists) {
        auto* const entries = ::X509_CRL_get_REVOKED(list.get());
        for (int i = 0; i < sk_X509_REVOKED_num(entries); ++i) {
            const auto* const entry = sk_X509_REVOKED_value(entries, i);
            const auto at = time_of(::X509_REVOKED_get0_revocationDate(entry));
            for (auto& identity : identities_of(entry)) {
                auto& latest = all[std::move(identity)];
                latest = std::max(latest, at);
            }
        }
    }
    return all;
}

bool is_revoked(const RevokedIdentities& revoked, const X509* certificate) {
    if (revoked.empty()) return false;
    for (const auto& identity : uris_of(certificate))
        if (const auto found = revoked.find(identity); found != revoked.end() && not_before(certificate) <= found->second)
            return true;
    return false;
}

}  // namespace meshd::tls
