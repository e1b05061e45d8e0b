// SPDX-License-Identifier: Apache-2.0
// What one asks an authority for a certificate with.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace meshd::tls {

struct SigningRequest {
    std::string key;      // PEM, new (P-256): whoever asks keeps it
    std::string request;  // PKCS #10 in PEM
};
// `names`: of servers that it is for; without them it names nobody: the signing agent knows for whom it signs.
base::Result<SigningRequest> make_signing_request(const std::vector<std::string>& names = {});

// Of the first certificate in a PEM text.
struct Validity {
    std::string identity;  // its one URI; empty: it has none
    std::chrono::system_clock::time_point begins, ends;
};
// An error names `path`.
base::Result<Validity> validity_of(const std::string& pem, const std::string& path);

}  // namespace meshd::tls
