// SPDX-License-Identifier: Apache-2.0
#include "tls/draft.hpp"

#include <array>

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "base/time_text.hpp"
#include "tls/revoked_identities.hpp"

namespace meshd::tls {

namespace {

using NumberPtr = std::unique_ptr<BIGNUM, FreeBy<::BN_free>>;
using IntegerPtr = std::unique_ptr<ASN1_INTEGER, FreeBy<::ASN1_INTEGER_free>>;
using TimePtr = std::unique_ptr<ASN1_TIME, FreeBy<::ASN1_TIME_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, FreeBy<::X509_EXTENSION_free>>;
using RevokedPtr = std::unique_ptr<X509_REVOKED, FreeBy<::X509_REVOKED_free>>;

constexpr long version_3 = 2;     // of a certificate, counted from 0
constexpr long version_2 = 1;     // of a revocation list
constexpr int serial_bits = 127;  // random, positive, at most 20 bytes (RFC 5280, 4.1.2.2)

tl::unexpected<base::Error> failed(const char* operation) { return base::fail({operation, {}, 0, openssl_error(), {}}); }

TimePtr asn1(Time time) { return TimePtr(::ASN1_TIME_set(nullptr, base::unix_seconds(time))); }

// Ed25519 brings its own.
const EVP_MD* digest_for(const EVP_PKEY* key, const EVP_MD* digest) {
    return ::EVP_PKEY_is_a(key, "ED25519") == 1 ? nullptr : digest;
}

bool set_serial(X509* certificate) {
    const NumberPtr number(::BN_new());
    return ::BN_rand(number.get(), serial_bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
           ::BN_to_ASN1_INTEGER(number.get(), ::X509_get_serialNumber(certificate)) != nullptr;
}

bool set_subject(X509* certificate, const std::string& common_name) {
    if (common_name.empty()) return true;
    return ::X509_NAME_add_entry_by_NID(::X509_get_subject_name(certificate), NID_commonName, MBSTRING_UTF8,
                                        reinterpret_cast<const unsigned char*>(common_name.data()),
                                        static_cast<int>(common_name.size()), -1, 0) == 1;
}

bool add_extensions(X509* certificate, const X509* issuer, const Draft& draft) {
    X509V3_CTX context;
    ::X509V3_set_ctx(&context, const_cast<X509*>(issuer), certificate, nullptr, nullptr, 0);
    for (const auto& [nid, value] : draft.extensions) {
        const ExtensionPtr extension(::X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
        if (extension == nullptr || ::X509_add_ext(certificate, extension.get(), -1) != 1) return false;
    }
    return true;
}

template <typename Object>
std::string written(int (*write)(BIO*, const Object*), const Object* object) {
    const BioPtr bio(::BIO_new(::BIO_s_mem()));
    if (write(bio.get(), object) != 1) return {};
    char* data = nullptr;
    const auto size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

}  // namespace

base::Result<KeyPtr> make_key(KeyKind kind) {
    KeyPtr key;
    switch (kind) {
        case KeyKind::ec_p256:
            key.reset(EVP_EC_gen("P-256"));
            break;
        case KeyKind::ec_p384:
            key.reset(EVP_EC_gen("P-384"));
            break;
        case KeyKind::ed25519:
            key.reset(::EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
            break;
        case KeyKind::rsa_2048:
            key.reset(EVP_RSA_gen(2048));
            break;
        case KeyKind::rsa_3072:
            key.reset(EVP_RSA_gen(3072));
            break;
    }
    if (key == nullptr) return failed("make a key");
    return key;
}

base::Result<CertificatePtr> sign(const Draft& draft, EVP_PKEY* subject_key, const Signer& signer) {
    CertificatePtr made(::X509_new());
    auto* const raw = made.get();
    const auto* const issuer = signer.certificate != nullptr ? signer.certificate : raw;
    const bool is_signed = ::X509_set_version(raw, version_3) == 1 && set_serial(raw) && set_subject(raw, draft.common_name) &&
                           ::X509_set_issuer_name(raw, ::X509_get_subject_name(issuer)) == 1 &&
                           ::X509_set1_notBefore(raw, asn1(draft.not_before).get()) == 1 &&
                           ::X509_set1_notAfter(raw, asn1(draft.not_after).get()) == 1 &&
                           ::X509_set_pubkey(raw, subject_key) == 1 && add_extensions(raw, issuer, draft) &&
                           ::X509_sign(raw, signer.key, digest_for(signer.key, draft.digest)) > 0;
    if (!is_signed) return failed("sign a certificate");
    return made;
}

base::Result<Request> request_in(const std::string& text, const std::string& path) {
    const BioPtr bio(::BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    ::ERR_clear_error();
    const RequestPtr parsed(::PEM_read_bio_X509_REQ(bio.get(), nullptr, nullptr, nullptr));
    const auto refuse = [&](std::string why) {
        return base::fail({"use the request in", path, 0, std::move(why), "make one with `openssl req -new`"});
    };
    if (parsed == nullptr) return refuse(openssl_error());
    Request request;
    request.key.reset(::X509_REQ_get_pubkey(parsed.get()));
    if (request.key == nullptr || ::X509_REQ_verify(parsed.get(), request.key.get()) != 1) {
        openssl_error();
        return refuse("it is not signed with its own key");
    }
    const ExtensionsPtr extensions(::X509_REQ_get_extensions(parsed.get()));
    const NamesPtr names(static_cast<GENERAL_NAMES*>(::X509V3_get_d2i(extensions.get(), NID_subject_alt_name, nullptr, nullptr)));
    openssl_error();
    request.uris = uris_of(names.get());
    return request;
}

std::string sha256_of(std::string_view bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    ::EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, ::EVP_sha256(), nullptr);
    return fmt::format("{:02X}", fmt::join(digest.begin(), digest.begin() + size, ""));
}

std::string public_part(const EVP_PKEY* key) {
    unsigned char* bytes = nullptr;
    const int size = ::i2d_PUBKEY(key, &bytes);
    std::string part(reinterpret_cast<const char*>(bytes), size > 0 ? static_cast<std::size_t>(size) : 0);
    OPENSSL_free(bytes);
    return part;
}

base::Result<RevocationsPtr> sign_revocations(const std::vector<Revoked>& revoked, std::uint64_t number, Time from, Time next,
                                              const Signer& signer) {
    RevocationsPtr list(::X509_CRL_new());
    auto* const raw = list.get();
    const IntegerPtr own_number(::ASN1_INTEGER_new());
    bool is_signed = ::X509_CRL_set_version(raw, version_2) == 1 &&
                     ::X509_CRL_set_issuer_name(raw, ::X509_get_subject_name(signer.certificate)) == 1 &&
                     ::X509_CRL_set1_lastUpdate(raw, asn1(from).get()) == 1 &&
                     ::X509_CRL_set1_nextUpdate(raw, asn1(next).get()) == 1 &&
                     ::ASN1_INTEGER_set_uint64(own_number.get(), number) == 1 &&
                     ::X509_CRL_add1_ext_i2d(raw, NID_crl_number, own_number.get(), 0, 0) == 1;
    for (const auto& one : revoked) {
        BIGNUM* parsed = nullptr;
        if (!is_signed || ::BN_hex2bn(&parsed, one.serial.c_str()) == 0) return failed("revoke a certificate");
        const NumberPtr value(parsed);
        const IntegerPtr asn1_serial(::BN_to_ASN1_INTEGER(value.get(), nullptr));
        RevokedPtr entry(::X509_REVOKED_new());
        is_signed = ::X509_REVOKED_set_serialNumber(entry.get(), asn1_serial.get()) == 1 &&
                    ::X509_REVOKED_set_revocationDate(entry.get(), asn1(one.at).get()) == 1 &&
                    (one.identity.empty() || set_revoked_identity(entry.get(), one.identity)) &&
                    ::X509_CRL_add0_revoked(raw, entry.get()) == 1;
        if (is_signed) static_cast<void>(entry.release());
    }
    X509V3_CTX context;
    ::X509V3_set_ctx(&context, const_cast<X509*>(signer.certificate), nullptr, nullptr, raw, 0);
    const ExtensionPtr key_id(::X509V3_EXT_conf_nid(nullptr, &context, NID_authority_key_identifier, "keyid"));
    is_signed = is_signed && key_id != nullptr && ::X509_CRL_add_ext(raw, key_id.get(), -1) == 1 && ::X509_CRL_sort(raw) == 1 &&
                ::X509_CRL_sign(raw, signer.key, digest_for(signer.key, ::EVP_sha256())) > 0;
    if (!is_signed) return failed("sign a revocation list");
    return list;
}

std::string serial_of(const X509* certificate) { return hex_of(::X509_get0_serialNumber(certificate)); }

std::string pem_of(const X509* certificate) { return written<X509>(::PEM_write_bio_X509, certificate); }
std::string pem_of(const X509_CRL* revocations) { return written<X509_CRL>(::PEM_write_bio_X509_CRL, revocations); }
std::string pem_of(const EVP_PKEY* key) {
    const auto write = [](BIO* bio, const EVP_PKEY* secret) {
        return ::PEM_write_bio_PKCS8PrivateKey(bio, secret, nullptr, nullptr, 0, nullptr, nullptr);
    };
    return written<EVP_PKEY>(write, key);
}

}  // namespace meshd::tls
