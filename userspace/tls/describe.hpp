// SPDX-License-Identifier: Apache-2.0
// One certificate for people, from OpenSSL's. Private to this library.
#pragma once

#include <openssl/x509.h>

#include "tls/certificate.hpp"

namespace meshd::tls {

Certificate describe(const X509* certificate);

}  // namespace meshd::tls
