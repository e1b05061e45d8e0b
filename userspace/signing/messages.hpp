// SPDX-License-Identifier: Apache-2.0
// What nodes and the signing agent say to each other, as JSON (docs/tls.md).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace meshd::signing {

inline constexpr const char* sign_path = "/v1/sign";
inline constexpr const char* trust_path = "/v1/trust";

struct SignRequest {
    std::string csr;       // PEM
    std::string identity;  // that is asked for; empty: that of the certificate shown, or of the token
    std::string token;     // empty: none
};

// PEM texts.
struct Trust {
    std::string authorities, revoked;
};

struct SignAnswer {
    std::string certificate;  // PEM, with what leads to an authority
    Trust trust;
};

std::string to_text(const SignRequest& request);
std::string to_text(const SignAnswer& answer);
std::string to_text(const Trust& trust);
std::string error_text(std::string_view why);

// Errors say what is wrong with the text.
base::Result<SignRequest> sign_request_in(std::string_view text);
base::Result<SignAnswer> sign_answer_in(std::string_view text);
base::Result<Trust> trust_in(std::string_view text);
std::string error_in(std::string_view text);  // empty: it tells none

}  // namespace meshd::signing
