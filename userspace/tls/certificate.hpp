// SPDX-License-Identifier: Apache-2.0
// What files of certificates, keys and revocation lists hold, for people.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "tls/trust_anchors.hpp"

namespace meshd::tls {

struct Certificate {
    std::string identity;  // "spiffe://example.org/shop/web"; empty: it has none
    std::string subject, issuer;
    std::string serial;                                    // hexadecimal
    std::string key;                                       // "EC P-256", "RSA 2048"
    std::string signature;                                 // "ecdsa-with-SHA256"
    std::string fingerprint;                               // SHA-256, hexadecimal
    std::chrono::system_clock::time_point begins, ends{};  // its validity
    bool is_authority = false;
    // Why workers would refuse it, as far as the file itself tells: it may still lead to an authority that nobody believes.
    std::vector<std::string> problems;
};

struct RevocationList {
    std::string issuer;
    std::chrono::system_clock::time_point updated, next_update;  // the latter: from when it is believed no more
    std::vector<std::string> serials;                            // of what was revoked
    std::vector<std::string> problems;
};

struct CertificateFile {
    std::string path;
    std::vector<Certificate> certificates;  // in the file's order
    std::vector<RevocationList> revocations;
    std::vector<std::string> keys;      // what each is: "EC P-256"
    std::vector<std::string> problems;  // of the file as a whole
};

// An error names the file: it cannot be read, holds nothing of these, or something that is broken.
base::Result<CertificateFile> read_certificate_file(const std::string& path);

// Why a worker that believes these would refuse who shows what the file holds; empty: it would not. `trust.trust_domain` may be
// empty: that of the file. An error names the file that cannot be read.
base::Result<std::string> why_refused(const std::string& path, TrustFiles trust);

}  // namespace meshd::tls
