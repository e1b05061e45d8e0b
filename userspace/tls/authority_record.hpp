// SPDX-License-Identifier: Apache-2.0
// What the built-in authority remembers: its file ca.json.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace meshd::tls {

struct IssuedCertificate {
    std::string serial;    // hexadecimal
    std::string identity;  // "spiffe://example.org/shop/web"
    std::chrono::system_clock::time_point begins, ends{};
    std::optional<std::chrono::system_clock::time_point> revoked{};
    std::uint64_t generation = 0;      // of the authority that signed it
    bool is_identity_revoked = false;  // with all others that its identity had
};

// What lets one who has no certificate yet have one, once.
struct JoinToken {
    std::string hash;      // SHA-256 of it, hexadecimal: the token itself is kept nowhere
    std::string identity;  // whose certificate it is for
    std::chrono::system_clock::time_point ends{};
    std::string key{};  // SHA-256 of the public key that it was used with; empty: not yet. An answer may be lost on its way, so
                        // the same key may ask again
};

// Generations are numbered from 1 as they come. `next` waits until all nodes believe it; `old` until nothing of it is in use.
struct AuthorityRecord {
    std::string trust_domain;
    std::uint64_t signing = 1;
    std::optional<std::uint64_t> next{}, old{};
    std::uint64_t lists = 0;  // revocation lists signed so far
    std::vector<IssuedCertificate> issued{};
    std::vector<JoinToken> tokens{};

    [[nodiscard]] std::vector<std::uint64_t> believed() const;  // the signing one first
};

std::string to_text(const AuthorityRecord& record);
// An error names `path`.
base::Result<AuthorityRecord> parse_authority_record(const std::string& text, const std::string& path);

}  // namespace meshd::tls
