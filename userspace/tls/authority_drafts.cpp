// SPDX-License-Identifier: Apache-2.0
#include "tls/authority_drafts.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <openssl/x509v3.h>

#include "config/text_file.hpp"
#include "tls/certificate.hpp"

namespace meshd::tls {

namespace {

constexpr std::chrono::hours lifetime{10 * 365 * 24};
constexpr std::size_t longest_common_name = 64;  // RFC 5280, A.1

Draft authority_draft(const std::string& trust_domain, const std::string& role, std::uint64_t number, int path_length) {
    const auto now = std::chrono::system_clock::now();
    const auto suffix = fmt::format(" {} {}", role, number);
    return {trust_domain.substr(0, longest_common_name - suffix.size()) + suffix,
            {{NID_basic_constraints, fmt::format("critical,CA:TRUE,pathlen:{}", path_length)},
             {NID_key_usage, "critical,keyCertSign,cRLSign"},
             {NID_subject_key_identifier, "hash"},
             {NID_authority_key_identifier, "keyid"},
             {NID_subject_alt_name, "URI:spiffe://" + trust_domain}},
            now - clock_skew,
            now + lifetime,
            ::EVP_sha256()};
}

}  // namespace

base::Result<Generation> new_generation(const std::string& trust_domain, std::uint64_t number, KeyKind kind) {
    const auto root_key = make_key(kind), intermediate_key = make_key(kind);
    if (!root_key) return tl::make_unexpected(root_key.error());
    if (!intermediate_key) return tl::make_unexpected(intermediate_key.error());
    const auto root = sign(authority_draft(trust_domain, "root", number, 1), root_key->get(), {nullptr, root_key->get()});
    if (!root) return tl::make_unexpected(root.error());
    const Signer signer{root->get(), root_key->get()};
    const auto intermediate = sign(authority_draft(trust_domain, "intermediate", number, 0), intermediate_key->get(), signer);
    if (!intermediate) return tl::make_unexpected(intermediate.error());
    const auto revocations = sign_revocations({}, 1, not_before(root->get()), not_after(root->get()), signer);
    if (!revocations) return tl::make_unexpected(revocations.error());
    return Generation{pem_of(root->get()), pem_of(root_key->get()), pem_of(revocations->get()), pem_of(intermediate->get()),
                      pem_of(intermediate_key->get())};
}

base::Result<SigningPair> read_signing(const std::string& certificate_path, const std::string& key_path) {
    const auto certificate = config::read_text_file(certificate_path);
    if (!certificate) return tl::make_unexpected(certificate.error());
    const auto key = config::read_text_file(key_path);
    if (!key) return tl::make_unexpected(key.error());
    auto certificates = certificates_in(certificate->text, certificate_path);
    if (!certificates) return tl::make_unexpected(certificates.error());
    auto secret = key_in(key->text, key_path);
    if (!secret) return tl::make_unexpected(secret.error());
    return SigningPair{std::move(certificates->front()), std::move(*secret)};
}

std::chrono::seconds backdated_by(std::chrono::seconds lifetime) {
    return std::min<std::chrono::seconds>(clock_skew, lifetime / 10);
}

Draft workload_draft(const std::string& identity, Time begins, Time ends, const std::string& more_names) {
    const auto name = identity.substr(identity.rfind('/') + 1);
    return {name.substr(0, longest_common_name),
            {{NID_basic_constraints, "critical,CA:FALSE"},
             {NID_key_usage, "critical,digitalSignature"},
             {NID_ext_key_usage, "clientAuth,serverAuth"},
             {NID_subject_key_identifier, "hash"},
             {NID_authority_key_identifier, "keyid"},
             {NID_subject_alt_name, "URI:" + identity + (more_names.empty() ? "" : "," + more_names)}},
            begins,
            ends,
            ::EVP_sha256()};
}

std::vector<std::string> serials_in_file(const std::string& path) {
    std::vector<std::string> serials;
    if (const auto file = read_certificate_file(path))
        for (const auto& certificate : file->certificates)
            if (!certificate.is_authority) serials.push_back(certificate.serial);
    return serials;
}

}  // namespace meshd::tls
