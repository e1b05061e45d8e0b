// SPDX-License-Identifier: Apache-2.0
#include "tls/ocsp_staple.hpp"

#include <array>
#include <utility>

#include <openssl/ocsp.h>

namespace meshd::tls {

namespace {

using ResponsePtr = std::unique_ptr<OCSP_RESPONSE, FreeBy<::OCSP_RESPONSE_free>>;
using BasicPtr = std::unique_ptr<OCSP_BASICRESP, FreeBy<::OCSP_BASICRESP_free>>;
using IdPtr = std::unique_ptr<OCSP_CERTID, FreeBy<::OCSP_CERTID_free>>;

struct FreeStack {
    void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
};

constexpr std::chrono::minutes skew{5};  // between the clocks of the authority and of this host
constexpr std::string_view remedy = "write a new one: openssl ocsp -issuer … -cert … -url … -respout FILE";

tl::unexpected<base::Error> unfit(const std::string& path, std::string detail) {
    return base::fail({"use the OCSP response in", path, 0, std::move(detail), std::string(remedy)});
}

Time time_of_generalized(const ASN1_GENERALIZEDTIME* time) { return time_of(time); }

// Whether an entry is about this certificate. Its issuer's key can be compared when the issuer is known.
bool is_about(const OCSP_SINGLERESP* single, const std::vector<CertificatePtr>& chain) {
    const auto* const id = ::OCSP_SINGLERESP_get0_id(single);
    ASN1_OBJECT* algorithm = nullptr;
    ASN1_OCTET_STRING* name_hash = nullptr;
    ASN1_INTEGER* serial = nullptr;
    if (::OCSP_id_get0_info(&name_hash, &algorithm, nullptr, &serial, const_cast<OCSP_CERTID*>(id)) != 1) return false;
    const auto* const digest = ::EVP_get_digestbyobj(algorithm);
    const auto* const leaf = chain.front().get();
    if (digest == nullptr || ::ASN1_INTEGER_cmp(serial, ::X509_get0_serialNumber(leaf)) != 0) return false;
    if (chain.size() > 1) {
        const IdPtr own(::OCSP_cert_to_id(digest, leaf, chain[1].get()));
        return own != nullptr && ::OCSP_id_cmp(own.get(), id) == 0;
    }
    std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
    unsigned size = 0;
    return ::X509_NAME_digest(::X509_get_issuer_name(leaf), digest, hash.data(), &size) == 1 &&
           size == static_cast<unsigned>(::ASN1_STRING_length(name_hash)) &&
           std::equal(hash.begin(), hash.begin() + size, ::ASN1_STRING_get0_data(name_hash));
}

// By the issuer, or by one whom it lets sign responses.
bool is_signed(OCSP_BASICRESP* basic, const std::vector<CertificatePtr>& chain) {
    if (chain.size() < 2) return true;  // nobody is known whom it could be checked by
    const StorePtr store(::X509_STORE_new());
    const std::unique_ptr<STACK_OF(X509), FreeStack> others(sk_X509_new_null());
    if (store == nullptr || others == nullptr || ::X509_STORE_add_cert(store.get(), chain[1].get()) != 1) return false;
    ::X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN);
    for (std::size_t i = 1; i < chain.size(); ++i) sk_X509_push(others.get(), chain[i].get());
    return ::OCSP_basic_verify(basic, others.get(), store.get(), 0) == 1;
}

base::Result<Staple> staple_of(OCSP_SINGLERESP* single, std::string der, const std::string& path) {
    ASN1_GENERALIZEDTIME* begins = nullptr;
    ASN1_GENERALIZEDTIME* ends = nullptr;
    const int status = ::OCSP_single_get0_status(single, nullptr, nullptr, &begins, &ends);
    if (status == V_OCSP_CERTSTATUS_REVOKED) return unfit(path, "it says that the certificate is revoked");
    if (status != V_OCSP_CERTSTATUS_GOOD) return unfit(path, "its authority does not know the certificate");
    if (begins == nullptr || ends == nullptr) return unfit(path, "it does not say until when it is valid");
    return Staple{std::move(der), time_of_generalized(begins) - skew, time_of_generalized(ends)};
}

}  // namespace

base::Result<Staple> staple_in(std::string der, const std::string& path, const std::vector<CertificatePtr>& chain) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const ResponsePtr response(::d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(der.size())));
    if (response == nullptr) {
        openssl_error();
        return unfit(path, "it is no response in DER");
    }
    const int status = ::OCSP_response_status(response.get());
    if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL)
        return unfit(path, std::string("its authority could not answer: ") + ::OCSP_response_status_str(status));
    const BasicPtr basic(::OCSP_response_get1_basic(response.get()));
    if (basic == nullptr) {
        openssl_error();
        return unfit(path, "it is of a kind that is not known");
    }
    for (int i = 0; i < ::OCSP_resp_count(basic.get()); ++i) {
        auto* const single = ::OCSP_resp_get0(basic.get(), i);
        if (!is_about(single, chain)) continue;
        if (!is_signed(basic.get(), chain)) return unfit(path, "its signature is not the issuer's: " + openssl_error());
        return staple_of(single, std::move(der), path);
    }
    openssl_error();
    return unfit(path, "it is about another certificate");
}

bool must_staple(const X509* certificate) {
    constexpr long status_request = 5;
    const std::unique_ptr<TLS_FEATURE, FreeBy<::TLS_FEATURE_free>> features(
        static_cast<TLS_FEATURE*>(::X509_get_ext_d2i(certificate, NID_tlsfeature, nullptr, nullptr)));
    for (int i = 0; features != nullptr && i < sk_ASN1_INTEGER_num(features.get()); ++i)
        if (::ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features.get(), i)) == status_request) return true;
    return false;
}

}  // namespace meshd::tls
