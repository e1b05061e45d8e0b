// SPDX-License-Identifier: Apache-2.0
#include "tls/certificate.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include "base/time_text.hpp"
#include "config/text_file.hpp"
#include "tls/describe.hpp"
#include "tls/draft.hpp"
#include "tls/spiffe_id.hpp"
#include "tls/verify.hpp"
#include "tls/x509.hpp"

namespace meshd::tls {

namespace {

constexpr std::string_view certificate_mark = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view revocation_mark = "-----BEGIN X509 CRL-----";
constexpr std::string_view key_mark = " KEY-----";  // of any kind

std::string key_text(const EVP_PKEY* key) {
    if (key == nullptr) return "unknown";
    std::array<char, 64> curve{};
    if (::EVP_PKEY_is_a(key, "EC") == 1 && ::EVP_PKEY_get_group_name(key, curve.data(), curve.size(), nullptr) == 1) {
        const auto* const nist = ::EC_curve_nid2nist(::OBJ_txt2nid(curve.data()));
        return fmt::format("EC {}", nist != nullptr ? nist : curve.data());
    }
    if (::EVP_PKEY_is_a(key, "RSA") == 1) return fmt::format("RSA {}", ::EVP_PKEY_get_bits(key));
    return ::EVP_PKEY_get0_type_name(key);
}

std::string fingerprint_of(const X509* certificate) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    ::X509_digest(certificate, ::EVP_sha256(), digest.data(), &size);
    std::string text;
    for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02X}", digest.at(i));
    return text;
}

std::vector<std::string> problems_of(const X509* certificate, bool is_authority) {
    std::vector<std::string> problems;
    const auto now = std::chrono::system_clock::now();
    if (not_after(certificate) <= now) problems.emplace_back("it has expired");
    if (not_before(certificate) > now) problems.emplace_back("it is not valid yet");
    if (auto weakness = weakness_of(certificate); !weakness.empty()) problems.push_back(std::move(weakness));
    if (is_authority) return problems;
    std::string id;
    if (auto failure = identity_of(certificate, id)) problems.push_back(std::move(failure->detail));
    if (auto misuse = misuse_of(certificate); !misuse.empty()) problems.push_back(std::move(misuse));
    return problems;
}

RevocationList describe_list(X509_CRL* list) {
    RevocationList described;
    described.issuer = text_of(::X509_CRL_get_issuer(list));
    described.updated = time_of(::X509_CRL_get0_lastUpdate(list));
    described.next_update = time_of(::X509_CRL_get0_nextUpdate(list));
    auto* const revoked = ::X509_CRL_get_REVOKED(list);
    for (int i = 0; i < sk_X509_REVOKED_num(revoked); ++i)
        described.serials.push_back(hex_of(::X509_REVOKED_get0_serialNumber(sk_X509_REVOKED_value(revoked, i))));
    const auto now = std::chrono::system_clock::now();
    if (described.updated > now) described.problems.emplace_back("it is not valid yet");
    if (described.next_update != Time{} && described.next_update <= now)
        described.problems.emplace_back("it has expired: while it is believed, nobody is");
    return described;
}

// Peers follow the file from the first on: what issued each must come next.
void check_order(const std::vector<CertificatePtr>& certificates, CertificateFile& file) {
    if (file.certificates.front().is_authority) return;  // a file of authorities, in any order
    for (std::size_t i = 1; i < certificates.size(); ++i) {
        if (::X509_check_issued(certificates[i].get(), certificates[i - 1].get()) == X509_V_OK) continue;
        file.problems.push_back(fmt::format("{} was not issued by {}, which comes next", called(certificates[i - 1].get()),
                                            called(certificates[i].get())));
    }
}

base::Result<void> add_certificates(const std::string& text, CertificateFile& file) {
    if (text.find(certificate_mark) == std::string::npos) return {};
    const auto certificates = certificates_in(text, file.path);
    if (!certificates) return tl::make_unexpected(certificates.error());
    for (const auto& certificate : *certificates) file.certificates.push_back(describe(certificate.get()));
    check_order(*certificates, file);
    return {};
}

base::Result<void> add_revocations(const std::string& text, CertificateFile& file) {
    if (text.find(revocation_mark) == std::string::npos) return {};
    const auto lists = revocations_in(text, file.path);
    if (!lists) return tl::make_unexpected(lists.error());
    for (const auto& list : *lists) file.revocations.push_back(describe_list(list.get()));
    return {};
}

base::Result<void> add_key(const std::string& text, CertificateFile& file) {
    if (text.find(key_mark) == std::string::npos) return {};
    const auto key = key_in(text, file.path);
    if (!key) return tl::make_unexpected(key.error());
    file.keys.push_back(key_text(key->get()));
    struct stat status {};
    if (::stat(file.path.c_str(), &status) == 0 && (status.st_mode & (S_IRWXO | S_IWGRP)) != 0)
        file.problems.push_back(
            fmt::format("others than its owner may use its key: its mode is {:04o}", status.st_mode & 07777U));
    return {};
}

}  // namespace

Certificate describe(const X509* certificate) {
    Certificate described;
    described.is_authority = ::X509_check_ca(const_cast<X509*>(certificate)) > 0;
    if (std::string id; !identity_of(certificate, id)) described.identity = id;
    described.subject = subject_of(certificate);
    described.issuer = issuer_of(certificate);
    described.serial = serial_of(certificate);
    described.key = key_text(::X509_get0_pubkey(certificate));
    described.signature = ::OBJ_nid2ln(::X509_get_signature_nid(certificate));
    described.fingerprint = fingerprint_of(certificate);
    described.begins = not_before(certificate);
    described.ends = not_after(certificate);
    described.problems = problems_of(certificate, described.is_authority);
    return described;
}

base::Result<CertificateFile> read_certificate_file(const std::string& path) {
    const auto text = config::read_text_file(path);
    if (!text) return tl::make_unexpected(text.error());
    CertificateFile file;
    file.path = path;
    for (auto* const add : {add_certificates, add_revocations, add_key})
        if (const auto added = add(text->text, file); !added) return tl::make_unexpected(added.error());
    if (file.certificates.empty() && file.revocations.empty() && file.keys.empty())
        return base::fail({"read", path, 0, "it holds no certificate, revocation list or key", "it must be PEM"});
    return file;
}

base::Result<std::string> why_refused(const std::string& path, TrustFiles trust) {
    const auto text = config::read_text_file(path);
    if (!text) return tl::make_unexpected(text.error());
    const auto chain = certificates_in(text->text, path);
    if (!chain) return tl::make_unexpected(chain.error());
    std::string id;
    if (trust.trust_domain.empty() && !identity_of(chain->front().get(), id))
        trust.trust_domain = SpiffeId::parse(id)->trust_domain;
    const auto anchors = TrustAnchors::load(trust);
    if (!anchors) return tl::make_unexpected(anchors.error());
    const auto failure = verify(*chain, **anchors);
    return failure ? fmt::format("{} ({})", failure->detail, name(failure->result)) : std::string();
}

}  // namespace meshd::tls
