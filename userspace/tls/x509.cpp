// SPDX-License-Identifier: Apache-2.0
#include "tls/x509.hpp"

#include <algorithm>
#include <array>
#include <ctime>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tls/spiffe_id.hpp"

namespace meshd::tls {

namespace {

constexpr std::size_t longest_error = 256;

BioPtr reader_of(const std::string& text) { return BioPtr(::BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

// No block of the kind is left: OpenSSL tells the end of the text by an error.
bool is_end_of_text() {
    const auto error = ::ERR_peek_last_error();
    return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

// Nobody is there to type one.
int no_pass_phrase(char* /*buffer*/, int /*size*/, int /*is_writing*/, void* /*data*/) { return -1; }

template <typename Pointer, auto read>
base::Result<std::vector<Pointer>> blocks_in(const std::string& text, const std::string& path, std::string_view kind) {
    const auto bio = reader_of(text);
    std::vector<Pointer> found;
    ::ERR_clear_error();
    while (auto* const block = read(bio.get(), nullptr, no_pass_phrase, nullptr)) found.emplace_back(block);
    const bool is_end = is_end_of_text();
    const auto detail = openssl_error();
    if (!is_end) return base::fail({"read " + std::string(kind) + " in", path, 0, detail, {}});
    if (found.empty()) return base::fail({"read " + std::string(kind) + " in", path, 0, "there is none", "it must be PEM"});
    return found;
}

}  // namespace

std::string openssl_error() {
    const auto error = ::ERR_peek_last_error();
    ::ERR_clear_error();
    if (error == 0) return {};
    if (const auto* const reason = ::ERR_reason_error_string(error)) return reason;
    std::array<char, longest_error> text{};
    ::ERR_error_string_n(error, text.data(), text.size());
    return text.data();
}

base::Result<std::vector<CertificatePtr>> certificates_in(const std::string& text, const std::string& path) {
    return blocks_in<CertificatePtr, ::PEM_read_bio_X509>(text, path, "certificates");
}

base::Result<std::vector<RevocationsPtr>> revocations_in(const std::string& text, const std::string& path) {
    return blocks_in<RevocationsPtr, ::PEM_read_bio_X509_CRL>(text, path, "revocation lists");
}

base::Result<KeyPtr> key_in(const std::string& text, const std::string& path) {
    const auto bio = reader_of(text);
    ::ERR_clear_error();
    KeyPtr key(::PEM_read_bio_PrivateKey(bio.get(), nullptr, no_pass_phrase, nullptr));
    const bool is_end = is_end_of_text();
    const auto detail = openssl_error();
    if (key == nullptr && is_end) return base::fail({"read a key in", path, 0, "there is none", "it must be PEM"});
    if (key == nullptr) return base::fail({"read a key in", path, 0, detail, "a key must have no pass phrase"});
    return key;
}

std::string text_of(const X509_NAME* name) {
    const BioPtr bio(::BIO_new(::BIO_s_mem()));
    ::X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB));
    char* data = nullptr;
    const auto size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

std::string hex_of(const ASN1_INTEGER* number) {
    const std::unique_ptr<BIGNUM, FreeBy<::BN_free>> value(::ASN1_INTEGER_to_BN(number, nullptr));
    char* const text = value != nullptr ? ::BN_bn2hex(value.get()) : nullptr;
    std::string hex(text != nullptr ? text : "");
    OPENSSL_free(text);
    return hex;
}

std::string subject_of(const X509* certificate) { return text_of(::X509_get_subject_name(certificate)); }
std::string issuer_of(const X509* certificate) { return text_of(::X509_get_issuer_name(certificate)); }

Time time_of(const ASN1_TIME* time) {
    std::tm parts{};
    if (time == nullptr || ::ASN1_TIME_to_tm(time, &parts) != 1) return {};
    // A certificate's years are 0 to 9999, the clock's end in 2262; what lies between two times has to fit as well.
    constexpr std::time_t earliest = 0;
    constexpr std::time_t latest = 9'000'000'000;
    return std::chrono::system_clock::from_time_t(std::clamp(::timegm(&parts), earliest, latest));
}

Time not_before(const X509* certificate) { return time_of(::X509_get0_notBefore(certificate)); }
Time not_after(const X509* certificate) { return time_of(::X509_get0_notAfter(certificate)); }

namespace {

std::vector<std::string> texts_of(const GENERAL_NAMES* names, int type) {
    std::vector<std::string> texts;
    for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names); ++i) {
        const auto* const name = sk_GENERAL_NAME_value(names, i);
        if (name->type != type) continue;
        const auto* const text = name->d.ia5;  // of both kinds that are asked for
        texts.emplace_back(reinterpret_cast<const char*>(::ASN1_STRING_get0_data(text)),
                           static_cast<std::size_t>(::ASN1_STRING_length(text)));
    }
    return texts;
}

NamesPtr names_of(const X509* certificate) {
    return NamesPtr(static_cast<GENERAL_NAMES*>(::X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
}

}  // namespace

std::vector<std::string> uris_of(const GENERAL_NAMES* names) { return texts_of(names, GEN_URI); }
std::vector<std::string> uris_of(const X509* certificate) { return uris_of(names_of(certificate).get()); }
std::vector<std::string> dns_names_of(const X509* certificate) { return texts_of(names_of(certificate).get(), GEN_DNS); }

std::string called(const X509* certificate) {
    const auto uris = uris_of(certificate);
    return uris.size() == 1 && SpiffeId::parse(uris.front()) ? uris.front() : subject_of(certificate);
}

}  // namespace meshd::tls
