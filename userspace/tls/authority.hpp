// SPDX-License-Identifier: Apache-2.0
// The built-in certificate authority: a directory of files.
//
//   ca.json             what was issued and revoked
//   authorities.pem     whom nodes shall believe: the file of tls.authorities
//   revoked.pem         what they shall believe no more: the file of tls.revoked
//   1/root.pem, .key    the root of a generation, which signs its intermediate and its list of revoked ones, once
//   1/intermediate.*    what signs certificates of workloads
//
// One process at a time; others wait. What root writes belongs to the directory's owner: a worker may be the one who signs.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "tls/authority_record.hpp"
#include "tls/key_kind.hpp"
#include "tls/private_file.hpp"

namespace meshd::tls {

// The DNS name that the certificate of a signing agent has beside its identity, and no other certificate of the authority.
inline constexpr const char* signing_name = "signing.meshd";
inline constexpr const char* signing_path = "/meshd/signing";  // of its identity

class Authority {
public:
    // `directory` must not be there, or be empty.
    static base::Result<Authority> create(const std::string& directory, const std::string& trust_domain, KeyKind kind);
    static base::Result<Authority> open(const std::string& directory);

    struct Wanted {
        std::string identity;           // a SPIFFE ID, or its path alone: "shop/web"
        std::chrono::seconds lifetime;  // from now
        std::string request{};          // of one who keeps the key (PKCS #10, PEM); empty: a key is made
        KeyKind kind = KeyKind::ec_p256;
        std::string request_name{};  // what errors call the request: its file
    };
    struct Made {
        IssuedCertificate issued;
        std::string certificate;  // PEM, with the intermediate's
        std::string key;          // PEM; empty with a request
    };
    base::Result<Made> issue(const Wanted& wanted);

    // For the agent that signs with this authority, to show to those who ask: under a name that nobody else is given. Not
    // remembered, and signed by the oldest generation that is believed, which all nodes know.
    base::Result<Made> issue_to_signing_agent(std::chrono::seconds lifetime) const;
    // The full SPIFFE ID of a text as in Wanted.
    [[nodiscard]] base::Result<std::string> identity_for(const std::string& text) const;

    // A secret that is worth one certificate of `identity`.
    struct Token {
        std::string secret, identity;
        std::chrono::system_clock::time_point ends;
    };
    base::Result<Token> make_token(const std::string& identity, std::chrono::seconds lifetime);
    // Uses it up for the key of `request` (PEM): whose certificate it is worth.
    base::Result<std::string> redeem(const std::string& secret, const std::string& request);

    // `what`: a serial, a SPIFFE ID or its path (all that it has and that are valid), or the path of a file with a certificate.
    base::Result<std::vector<IssuedCertificate>> revoke(const std::string& what);

    // Rotation: nodes learn to believe a new generation, then it signs, then the old one is forgotten.
    base::Result<void> prepare(KeyKind kind);
    base::Result<void> switch_over();
    enum class Unfinished : bool { refuse, ignore };  // certificates of the old generation that are valid still
    base::Result<void> finish(Unfinished unfinished);

    [[nodiscard]] const AuthorityRecord& record() const { return record_; }
    [[nodiscard]] const std::string& directory() const { return directory_; }
    [[nodiscard]] std::string authorities() const { return directory_ + "/authorities.pem"; }
    [[nodiscard]] std::string revocations() const { return directory_ + "/revoked.pem"; }
    [[nodiscard]] std::string root(std::uint64_t generation) const;          // its certificate's file
    [[nodiscard]] std::string intermediate(std::uint64_t generation) const;  // likewise

private:
    Authority(std::string directory, base::UniqueFd lock, Owner owner)
        : directory_(std::move(directory)), lock_(std::move(lock)), owner_(owner) {}
    [[nodiscard]] std::string path(std::uint64_t generation, const char* name) const;
    base::Result<void> make_generation(std::uint64_t generation, KeyKind kind);
    base::Result<void> write_record();
    base::Result<void> write_believed();  // authorities.pem and revoked.pem
    base::Result<void> write(const std::string& path, const std::string& text, mode_t mode) const;

    std::string directory_;
    base::UniqueFd lock_;  // on the directory
    Owner owner_;          // of the directory
    AuthorityRecord record_;
};

}  // namespace meshd::tls
