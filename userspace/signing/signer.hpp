// SPDX-License-Identifier: Apache-2.0
// Answers those who ask the signing agent. It opens the authority for each request: `meshctl ca` may change it at any time.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "http/message.hpp"
#include "model/tls.hpp"
#include "signing/messages.hpp"
#include "tls/authority.hpp"

namespace meshd::signing {

// How requests for certificates ended. Written by one thread, read by any.
struct SignCounts {
    std::atomic<std::uint64_t> issued = 0, refused = 0, failed = 0;
};

class Signer {
public:
    Signer(model::Signing settings, SignCounts& counts) : settings_(std::move(settings)), counts_(counts) {}

    // `peer`: the SPIFFE ID of a certificate that was checked; empty: none was shown.
    [[nodiscard]] http::Response answer(const http::Request& request, const std::string& peer);

private:
    [[nodiscard]] http::Response sign(const http::Request& request, const std::string& peer);
    [[nodiscard]] http::Response trust(const http::Request& request) const;
    base::Result<std::string> identity_for(tls::Authority& authority, const SignRequest& asked, const std::string& peer) const;
    http::Response refuse(unsigned status, const std::string& asker, const std::string& why);

    model::Signing settings_;
    SignCounts& counts_;
};

}  // namespace meshd::signing
