// SPDX-License-Identifier: Apache-2.0
// Revocation lists by identity. A list names certificates that were valid when it was made; a connection may be older than all of
// those. So an entry of the built-in authority that stands for all certificates of an identity says so: it has the identity as
// its alternative name, in an extension that others may pass over. Private to this library.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "tls/x509.hpp"

namespace meshd::tls {

using RevokedIdentities = std::unordered_map<std::string, Time>;  // and when, at last

bool set_revoked_identity(X509_REVOKED* entry, const std::string& identity);
RevokedIdentities revoked_identities(const std::vector<RevocationsPtr>& lists);

// Whether it was issued before its identity was revoked.
bool is_revoked(const RevokedIdentities& revoked, const X509* certificate);

}  // namespace meshd::tls
