// SPDX-License-Identifier: Apache-2.0
// Certificates for clients from outside that an authority issues: whether one is what was ordered, and what proves that a name is
// this host's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "tls/edge_certificate.hpp"
#include "tls/signing_request.hpp"

namespace meshd::tls {

// Of the first certificate in `pem`, when it is the key's and has all names. An error names `path`.
base::Result<Validity> check_issued(const std::string& pem, const std::string& key, const std::vector<std::string>& names,
                                    const std::string& path);

// What answers the challenge tls-alpn-01 for a name (RFC 8737, 3). `digest`: SHA-256 of the key authorization, 32 bytes.
base::Result<ChallengeCertificate> make_challenge_certificate(const std::string& name, std::string_view digest);

}  // namespace meshd::tls
