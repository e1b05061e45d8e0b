// SPDX-License-Identifier: Apache-2.0
// What an authority says of a certificate (OCSP, RFC 6960), for the server to show along with it. Private to this library.
#pragma once

#include <string>
#include <vector>

#include "tls/x509.hpp"

namespace meshd::tls {

struct Staple {
    std::string der;
    Time begins, ends;  // thisUpdate, nextUpdate

    [[nodiscard]] bool is_valid(Time now) const { return begins <= now && now < ends; }
};

// `chain`: the certificate, then what it was issued by as far as that is known. An error names `path`: it is no response, not for
// this certificate, not signed by whom it must be, has no end, or says that the certificate is not good.
base::Result<Staple> staple_in(std::string der, const std::string& path, const std::vector<CertificatePtr>& chain);

// The certificate is worth nothing without a response (RFC 7633).
bool must_staple(const X509* certificate);

}  // namespace meshd::tls
