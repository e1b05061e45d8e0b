// SPDX-License-Identifier: Apache-2.0
#include "tls/verify.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <openssl/x509v3.h>

#include "base/time_text.hpp"
#include "tls/spiffe_id.hpp"
#include "tls/trust_store.hpp"

namespace meshd::tls {

namespace {

constexpr int min_rsa_bits = 2048;
constexpr int min_other_security_bits = 128;  // P-256, Ed25519
constexpr int min_signature_bits = 112;       // SHA-1 has 63

HandshakeResult result_of(int error) {
    switch (error) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return HandshakeResult::expired;
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return HandshakeResult::not_yet_valid;
        case X509_V_ERR_INVALID_PURPOSE:
        case X509_V_ERR_INVALID_CA:
        case X509_V_ERR_PATH_LENGTH_EXCEEDED:
        case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
        case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
        case X509_V_ERR_PERMITTED_VIOLATION:
        case X509_V_ERR_EXCLUDED_VIOLATION:
            return HandshakeResult::wrong_usage;
        case X509_V_ERR_CERT_REVOKED:
        case X509_V_ERR_UNABLE_TO_GET_CRL:
        case X509_V_ERR_CRL_SIGNATURE_FAILURE:
        case X509_V_ERR_CRL_NOT_YET_VALID:
        case X509_V_ERR_CRL_HAS_EXPIRED:
            return HandshakeResult::revoked;
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return HandshakeResult::wrong_name;
        case X509_V_ERR_EE_KEY_TOO_SMALL:
        case X509_V_ERR_CA_KEY_TOO_SMALL:
        case X509_V_ERR_CA_MD_TOO_WEAK:
            return HandshakeResult::weak_key;
        default:
            return HandshakeResult::unknown_ca;
    }
}

std::string expected_name(X509_STORE_CTX* context) {
    auto* const expected = ::X509_STORE_CTX_get0_param(context);
    if (const auto* const name = ::X509_VERIFY_PARAM_get0_host(expected, 0)) return name;
    auto* const address = ::X509_VERIFY_PARAM_get1_ip_asc(expected);
    std::string text = address != nullptr ? address : "the name that was asked for";
    OPENSSL_free(address);
    return text;
}

// Whose fault and what it is.
HandshakeFailure failure_of(X509_STORE_CTX* context) {
    const auto error = ::X509_STORE_CTX_get_error(context);
    const auto* certificate = ::X509_STORE_CTX_get_current_cert(context);
    if (certificate == nullptr) certificate = ::X509_STORE_CTX_get0_cert(context);
    HandshakeFailure failure{result_of(error),
                             fmt::format("{}: {}", called(certificate), ::X509_verify_cert_error_string(error))};
    switch (error) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            failure.detail = fmt::format("{}: expired {}", called(certificate), base::time_text(not_after(certificate)));
            break;
        case X509_V_ERR_CERT_NOT_YET_VALID:
            failure.detail = fmt::format("{}: valid from {}", called(certificate), base::time_text(not_before(certificate)));
            break;
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            failure.detail = fmt::format("{}: it is not for {}", called(certificate), expected_name(context));
            break;
        default:
            if (failure.result == HandshakeResult::unknown_ca || failure.result == HandshakeResult::revoked)
                failure.detail += fmt::format(" (issued by {})", issuer_of(certificate));
    }
    return failure;
}

// For which OpenSSL has an error that makes the alert we want.
int error_of(HandshakeResult result) {
    switch (result) {
        case HandshakeResult::wrong_usage:
            return X509_V_ERR_INVALID_PURPOSE;  // unsupported_certificate
        case HandshakeResult::weak_key:
            return X509_V_ERR_EE_KEY_TOO_SMALL;  // bad_certificate
        default:
            return X509_V_ERR_CERT_REJECTED;  // bad_certificate
    }
}

bool is_self_signed(const X509* certificate) {
    return (::X509_get_extension_flags(const_cast<X509*>(certificate)) & EXFLAG_SS) != 0;
}

std::optional<HandshakeFailure> weakness_in(X509_STORE_CTX* context) {
    const auto* const chain = ::X509_STORE_CTX_get0_chain(context);
    for (int i = 0; i < sk_X509_num(chain); ++i) {
        const auto* const certificate = sk_X509_value(chain, i);
        if (const auto weakness = weakness_of(certificate); !weakness.empty())
            return HandshakeFailure{HandshakeResult::weak_key, fmt::format("{}: {}", called(certificate), weakness)};
    }
    return std::nullopt;
}

std::optional<HandshakeFailure> fault_of(X509_STORE_CTX* context, const std::string& trust_domain) {
    const auto* const leaf = ::X509_STORE_CTX_get0_cert(context);
    if (auto failure = weakness_in(context)) return failure;
    std::string id;
    if (auto failure = identity_of(leaf, id)) {
        failure->detail = fmt::format("{}: {}", subject_of(leaf), failure->detail);
        return failure;
    }
    if (const auto parsed = SpiffeId::parse(id); parsed->trust_domain != trust_domain)
        return HandshakeFailure{HandshakeResult::wrong_trust_domain,
                                fmt::format("{}: this node's trust domain is {}", id, trust_domain)};
    if (const auto misuse = misuse_of(leaf); !misuse.empty())
        return HandshakeFailure{HandshakeResult::wrong_usage, fmt::format("{}: {}", id, misuse)};
    return std::nullopt;
}

}  // namespace

std::optional<HandshakeFailure> identity_of(const X509* certificate, std::string& id) {
    const auto fail = [](std::string why) { return HandshakeFailure{HandshakeResult::no_identity, std::move(why)}; };
    const auto uris = uris_of(certificate);
    if (uris.empty()) return fail("it has no URI among its alternative names");
    if (uris.size() > 1) return fail(fmt::format("it has {} URIs among its alternative names", uris.size()));
    const auto parsed = SpiffeId::parse(uris.front());
    if (!parsed) return fail("its URI is no SPIFFE ID: " + parsed.error());
    if (parsed->path.empty()) return fail(fmt::format("its SPIFFE ID {} names no workload: it has no path", uris.front()));
    id = uris.front();
    return std::nullopt;
}

std::string weakness_of(const X509* certificate) {
    const auto* const key = ::X509_get0_pubkey(certificate);
    if (key == nullptr) return "its key is of an unknown kind";
    const auto bits = ::EVP_PKEY_get_bits(key);
    const bool is_rsa = ::EVP_PKEY_is_a(key, "RSA") == 1 || ::EVP_PKEY_is_a(key, "RSA-PSS") == 1;
    if (is_rsa ? bits < min_rsa_bits : ::EVP_PKEY_get_security_bits(key) < min_other_security_bits)
        return fmt::format("its key is too weak: {} with {} bits", ::EVP_PKEY_get0_type_name(key), bits);
    // Nobody believes an authority for its own signature.
    if (is_self_signed(certificate)) return {};
    int strength = 0, digest = 0;
    if (::X509_get_signature_info(const_cast<X509*>(certificate), &digest, nullptr, &strength, nullptr) != 1 ||
        strength < min_signature_bits)
        return fmt::format("it is signed with a digest that is too weak: {}",
                           digest != NID_undef ? ::OBJ_nid2sn(digest) : "unknown");
    return {};
}

std::string misuse_of(const X509* certificate) {
    auto* const leaf = const_cast<X509*>(certificate);  // which keeps what it finds in its extensions
    const auto flags = ::X509_get_extension_flags(leaf);
    if ((flags & EXFLAG_INVALID) != 0) return "its extensions are broken";
    if ((flags & EXFLAG_CA) != 0) return "it is an authority's, no workload's";
    if ((flags & EXFLAG_KUSAGE) == 0) return "it has no key usage";
    const auto usage = ::X509_get_key_usage(leaf);
    if ((usage & KU_DIGITAL_SIGNATURE) == 0) return "its key usage has no digitalSignature";
    if ((usage & (KU_KEY_CERT_SIGN | KU_CRL_SIGN)) != 0) return "its key usage has keyCertSign or cRLSign";
    const auto purposes = ::X509_get_extended_key_usage(leaf);  // everything when it says nothing
    if ((purposes & XKU_SSL_CLIENT) == 0) return "its extended key usage has no clientAuth";
    if ((purposes & XKU_SSL_SERVER) == 0) return "its extended key usage has no serverAuth";
    return {};
}

std::optional<HandshakeFailure> verify(X509_STORE_CTX* context, const std::string& trust_domain) {
    if (::X509_verify_cert(context) != 1) return failure_of(context);
    auto failure = fault_of(context, trust_domain);
    if (failure) ::X509_STORE_CTX_set_error(context, error_of(failure->result));
    return failure;
}

std::optional<HandshakeFailure> verify_outside(X509_STORE_CTX* context) {
    if (::X509_verify_cert(context) == 1) return std::nullopt;
    return failure_of(context);
}

std::optional<HandshakeFailure> verify(const std::vector<CertificatePtr>& chain, const TrustAnchors& trust) {
    const std::unique_ptr<STACK_OF(X509), FreeBy<[](STACK_OF(X509) * stack) { sk_X509_free(stack); }>> others(sk_X509_new_null());
    for (const auto& certificate : chain) sk_X509_push(others.get(), certificate.get());
    for (const int purpose : {X509_PURPOSE_SSL_CLIENT, X509_PURPOSE_SSL_SERVER}) {
        const std::unique_ptr<X509_STORE_CTX, FreeBy<::X509_STORE_CTX_free>> context(::X509_STORE_CTX_new());
        ::X509_STORE_CTX_init(context.get(), trust.store().store.get(), chain.front().get(), others.get());
        ::X509_STORE_CTX_set_purpose(context.get(), purpose);
        auto failure = verify(context.get(), trust.trust_domain());
        openssl_error();
        if (failure) return failure;
    }
    return std::nullopt;
}

Time earliest_end(X509_STORE_CTX* context) {
    const auto* const chain = ::X509_STORE_CTX_get0_chain(context);
    auto earliest = Time::max();
    for (int i = 0; i < sk_X509_num(chain); ++i) earliest = std::min(earliest, not_after(sk_X509_value(chain, i)));
    return earliest;
}

}  // namespace meshd::tls
