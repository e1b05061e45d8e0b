// SPDX-License-Identifier: Apache-2.0
// What a handshake agreed on and looked at, for people.
#pragma once

#include <string>
#include <vector>

#include "tls/certificate.hpp"

namespace meshd::tls {

// After a handshake that failed, as far as it came.
struct SessionDetails {
    std::string protocol;            // "TLSv1.3"
    std::string cipher;              // "TLS_AES_128_GCM_SHA256"
    std::string group;               // that the keys were exchanged by: "x25519"
    std::vector<Certificate> chain;  // the peer's first, as it was followed; of a session that is resumed nobody saw one
    std::string authority;           // the subject of the one that is believed, if the chain led to one
    bool looks_at_revocations = false;
};

}  // namespace meshd::tls
