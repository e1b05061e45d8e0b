// SPDX-License-Identifier: Apache-2.0
// Makes keys, certificates and revocation lists. Private to this library.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tls/key_kind.hpp"
#include "tls/x509.hpp"

namespace meshd::tls {

using RequestPtr = std::unique_ptr<X509_REQ, FreeBy<::X509_REQ_free>>;
using ExtensionsPtr =
    std::unique_ptr<X509_EXTENSIONS,
                    FreeBy<[](X509_EXTENSIONS* all) { sk_X509_EXTENSION_pop_free(all, ::X509_EXTENSION_free); }>>;

base::Result<KeyPtr> make_key(KeyKind kind);

// Who signs.
struct Signer {
    const X509* certificate = nullptr;
    EVP_PKEY* key = nullptr;
};

// A certificate that is not signed yet.
struct Draft {
    std::string common_name;  // empty: no subject
    // NID and value as in a configuration of OpenSSL: {NID_key_usage, "critical,digitalSignature"}. Those that name keys
    // (NID_subject_key_identifier "hash", NID_authority_key_identifier "keyid") must come in this order.
    std::vector<std::pair<int, std::string>> extensions;
    Time not_before, not_after;
    const EVP_MD* digest = ::EVP_sha256();
};

// No signer's certificate: it signs itself.
base::Result<CertificatePtr> sign(const Draft& draft, EVP_PKEY* subject_key, const Signer& signer);

// The key of a request for a certificate (PKCS #10), which proves that whoever asks has it. An error names `path`.
struct Request {
    KeyPtr key;
    std::vector<std::string> uris;  // that it asks for
};
base::Result<Request> request_in(const std::string& text, const std::string& path);

std::string sha256_of(std::string_view bytes);  // hexadecimal, capital letters
std::string public_part(const EVP_PKEY* key);   // DER

// An entry of a revocation list.
struct Revoked {
    std::string serial;  // hexadecimal
    Time at;
    std::string identity{};  // all that was issued for it until then; empty: only the one with the serial
};
base::Result<RevocationsPtr> sign_revocations(const std::vector<Revoked>& revoked, std::uint64_t number, Time from, Time next,
                                              const Signer& signer);

std::string serial_of(const X509* certificate);  // hexadecimal, capital letters

std::string pem_of(const X509* certificate);
std::string pem_of(const X509_CRL* revocations);
std::string pem_of(const EVP_PKEY* key);  // PKCS #8, no pass phrase

}  // namespace meshd::tls
