// SPDX-License-Identifier: Apache-2.0
// OpenSSL's certificates, keys and revocation lists as values. Private to this library.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/error.hpp"

namespace meshd::tls {

template <auto function>
struct FreeBy {
    template <typename T>
    void operator()(T* object) const {
        function(object);
    }
};
using BioPtr = std::unique_ptr<BIO, FreeBy<::BIO_free_all>>;
using CertificatePtr = std::unique_ptr<X509, FreeBy<::X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeBy<::EVP_PKEY_free>>;
using RevocationsPtr = std::unique_ptr<X509_CRL, FreeBy<::X509_CRL_free>>;
using StorePtr = std::unique_ptr<X509_STORE, FreeBy<::X509_STORE_free>>;
using Time = std::chrono::system_clock::time_point;

// What OpenSSL says of the last failure, in words; empties its queue.
std::string openssl_error();

// All of a PEM text in its order; other blocks are passed over. An error names `path`: none in it, or one that is broken.
base::Result<std::vector<CertificatePtr>> certificates_in(const std::string& text, const std::string& path);
base::Result<std::vector<RevocationsPtr>> revocations_in(const std::string& text, const std::string& path);
// The first private key, which has no pass phrase.
base::Result<KeyPtr> key_in(const std::string& text, const std::string& path);

std::string text_of(const X509_NAME* name);      // "CN=web,O=Shop" (RFC 2253)
std::string hex_of(const ASN1_INTEGER* number);  // capital letters
std::string subject_of(const X509* certificate);
std::string issuer_of(const X509* certificate);
Time not_before(const X509* certificate);
Time not_after(const X509* certificate);
Time time_of(const ASN1_TIME* time);  // null: never

using NamesPtr = std::unique_ptr<GENERAL_NAMES, FreeBy<::GENERAL_NAMES_free>>;
std::vector<std::string> uris_of(const GENERAL_NAMES* names);  // null: none
// Every URI of the subject's alternative names.
std::vector<std::string> uris_of(const X509* certificate);

// Every DNS name of them, as it is written.
std::vector<std::string> dns_names_of(const X509* certificate);

// For people: its SPIFFE ID if it has one, else its subject.
std::string called(const X509* certificate);

}  // namespace meshd::tls
