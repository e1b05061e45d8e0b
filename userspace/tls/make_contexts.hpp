// SPDX-License-Identifier: Apache-2.0
// Contexts of OpenSSL as meshd wants them. Private to this library.
#pragma once

#include <vector>

#include "tls/contexts.hpp"
#include "tls/x509.hpp"

namespace meshd::tls {

// What one file of a certificate and one of its key hold.
struct Identity {
    std::vector<CertificatePtr> chain;  // the first is the workload's
    KeyPtr key;
};

// With its chain. False: OpenSSL has an error.
bool use_identity(SSL_CTX* context, const Identity& identity);

// `store`: whom to believe; shared by both. An error is OpenSSL's.
base::Result<ContextPtr> client_context(const Identity& identity, X509_STORE* store, const std::string& trust_domain);
base::Result<ContextPtr> server_context(const Identity& identity, X509_STORE* store, const std::string& trust_domain);

}  // namespace meshd::tls
