// SPDX-License-Identifier: Apache-2.0
// What a node keeps of what its signing agent gave it, in a directory of the worker's user:
//
//   node.pem, identity-NAME.pem    certificate, what leads to an authority, and the key, in one file: a change is one step
//   authorities.pem, revoked.pem   whom to believe, as the signing agent said last
//   pinned.pem                     whom the configuration says to believe, when authorities.pem was begun with that
//
// Nothing takes the place of what was there before it has proved good.
#pragma once

#include <string>

#include "base/error.hpp"
#include "model/tls.hpp"
#include "signing/messages.hpp"
#include "tls/signing_request.hpp"
#include "tls/trust_anchors.hpp"

namespace meshd::signing {

class IssuedFiles {
public:
    explicit IssuedFiles(const model::NodeTls& tls);

    // The authorities of the configuration are those to begin with, and to begin anew with when they have changed. True: so it
    // is now.
    base::Result<bool> pin() const;
    [[nodiscard]] bool has_authorities() const;
    // True: it is other than before.
    base::Result<bool> take(const Trust& trust) const;
    // `identity`: that it must be of; empty: any of the trust domain.
    base::Result<tls::Validity> take(const std::string& path, const std::string& certificate, const std::string& key,
                                     const std::string& identity) const;

    [[nodiscard]] const std::string& authorities() const { return trust_.authorities; }
    [[nodiscard]] std::string revoked() const;  // empty: none were ever given

private:
    [[nodiscard]] tls::TrustFiles trust() const { return {trust_.trust_domain, trust_.authorities, revoked()}; }

    std::string pinned_;  // of the configuration
    std::string copy_;    // of that
    tls::TrustFiles trust_;
};

}  // namespace meshd::signing
