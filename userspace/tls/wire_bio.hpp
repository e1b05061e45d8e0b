// SPDX-License-Identifier: Apache-2.0
// OpenSSL's view of a Wire. Private to this library.
#pragma once

#include <openssl/bio.h>

#include "tls/session.hpp"

namespace meshd::tls {

BIO* new_wire_bio(Wire& wire);  // null: no memory

}  // namespace meshd::tls
