// SPDX-License-Identifier: Apache-2.0
// What trust_anchors.hpp hides from those who do not know OpenSSL. Private to this library.
#pragma once

#include <memory>

#include "tls/revoked_identities.hpp"
#include "tls/trust_anchors.hpp"
#include "tls/x509.hpp"

namespace meshd::tls {

struct TrustAnchors::Store {
    StorePtr store;  // asks for revocation lists of the whole chain when there is a file of them
    std::shared_ptr<const RevokedIdentities> revoked_identities = std::make_shared<RevokedIdentities>();
};

}  // namespace meshd::tls
