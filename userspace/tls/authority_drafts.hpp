// SPDX-License-Identifier: Apache-2.0
// What the built-in authority signs. Private to this library.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "tls/draft.hpp"

namespace meshd::tls {

inline constexpr std::chrono::minutes clock_skew{5};  // between hosts that just made and just got one

// PEM texts of a root and an intermediate below it.
struct Generation {
    std::string root, root_key;
    std::string root_revocations;  // of the root: none, for as long as it is valid
    std::string intermediate, intermediate_key;
};
base::Result<Generation> new_generation(const std::string& trust_domain, std::uint64_t number, KeyKind kind);

// An intermediate with its key.
struct SigningPair {
    CertificatePtr certificate;
    KeyPtr key;
};
base::Result<SigningPair> read_signing(const std::string& certificate, const std::string& certificate_path,
                                       const std::string& key, const std::string& key_path);

Draft workload_draft(const std::string& identity, Time begins, Time ends);

// Of the certificates in a file that are no authority's; empty when there is no such file.
std::vector<std::string> serials_in_file(const std::string& path);

}  // namespace meshd::tls
