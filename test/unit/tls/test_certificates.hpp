// SPDX-License-Identifier: Apache-2.0
// Certificates as tests want them, good and bad, in files of a directory that goes with the test.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

#include "model/tls.hpp"
#include "tls/draft.hpp"
#include "tls/trust_anchors.hpp"

namespace meshd::tls {

class TemporaryDirectory {
public:
    TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory();

    [[nodiscard]] std::string path(std::string_view name) const;
    std::string write(std::string_view name, std::string_view text) const;  // its path

private:
    std::string path_ = "/tmp/meshd-tls-XXXXXX";
};

// What a certificate shall be; as it stands, a good one.
struct Wish {
    std::string names = "URI:spiffe://example.org/shop/web";  // subjectAltName of OpenSSL; empty: none
    std::string usage = "critical,digitalSignature";          // empty: the extension is not there
    std::string purposes = "clientAuth,serverAuth";           // likewise
    std::string constraints = "critical,CA:FALSE";
    std::chrono::seconds begins{-60}, ends{3600};  // from now
    const EVP_MD* digest = ::EVP_sha256();
    const char* curve = "P-256";
    unsigned rsa_bits = 0;  // instead of the curve
};

// An authority with an intermediate one below it, which issues.
class TestAuthority {
public:
    // One for each name in a directory.
    TestAuthority(const TemporaryDirectory& directory, std::string name, const Wish& intermediate = of_intermediate());

    static Wish of_intermediate();

    // Files NAME-N.pem (with the intermediate's certificate) and NAME-N.key.
    model::CertificateFiles issue(const Wish& wish = {});
    model::CertificateFiles issue_for(const std::string& id) { return issue({.names = "URI:" + id}); }

    // The files that the trust of nodes is read from; with revocation lists once something was revoked.
    [[nodiscard]] TrustFiles trust(const std::string& trust_domain = "example.org") const;
    void revoke(const model::CertificateFiles& issued);
    void write_revocations(std::chrono::seconds ends = std::chrono::hours(1));

private:
    const TemporaryDirectory& directory_;
    std::string name_;
    int issued_ = 0;
    KeyPtr root_key_, intermediate_key_;
    CertificatePtr root_, intermediate_;
    std::vector<Revoked> revoked_;
    std::string revocations_;  // path
};

}  // namespace meshd::tls
