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
base::Result<SigningPair> read_signing(const std::string& certificate_path, const std::string& key_path);

// Clocks of hosts differ, but whose time is short is not for hosts that differ by much.
std::chrono::seconds backdated_by(std::chrono::seconds lifetime);

// `more_names`: beside the identity, as OpenSSL's configuration has them ("DNS:…"); empty: none.
Draft workload_draft(const std::string& identity, Time begins, Time ends, const std::string& more_names = {});

// Of the certificates in a file that are no authority's; empty when there is no such file.
std::vector<std::string> serials_in_file(const std::string& path);

}  // namespace meshd::tls
