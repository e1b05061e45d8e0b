// SPDX-License-Identifier: Apache-2.0
// Whether a chain of certificates may be believed: what OpenSSL checks, and what an identity must be (SPIFFE X.509-SVID, 4 and
// 5). The same for a peer's certificates and for our own. Private to this library.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <openssl/x509_vfy.h>

#include "tls/handshake_result.hpp"
#include "tls/trust_anchors.hpp"
#include "tls/x509.hpp"

namespace meshd::tls {

// Bits of security, as NIST SP 800-57 counts them: RSA of 2048 bits, and no signature with SHA-1.
inline constexpr int min_security_level = 2;

inline constexpr int longest_chain = 6;  // certificates between that of a workload and its authority

// Empty: a SPIFFE ID of a workload stands in `id`.
std::optional<HandshakeFailure> identity_of(const X509* certificate, std::string& id);

// For certificates by themselves; empty: none.
std::string weakness_of(const X509* certificate);  // of its key, or of what signed it
std::string misuse_of(const X509* certificate);    // why a workload may not show it

// Verifies what `context` was made with, then its chain by our rules. OpenSSL's error of the context is set as well: the alert
// for the peer is made from it.
std::optional<HandshakeFailure> verify(X509_STORE_CTX* context, const std::string& trust_domain);

// The same of a file's chain, whose first is the workload's, in both roles that it plays.
std::optional<HandshakeFailure> verify(const std::vector<CertificatePtr>& chain, const TrustAnchors& trust);

// The same for a server outside of the mesh, of which we know its name and an authority, and no more.
std::optional<HandshakeFailure> verify_outside(X509_STORE_CTX* context);

// When the first of a verified chain expires.
Time earliest_end(X509_STORE_CTX* context);

}  // namespace meshd::tls
