// SPDX-License-Identifier: Apache-2.0
// What uacme tells its hook of a challenge, and how the hook hands it to the worker.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "model/acme.hpp"

namespace meshd::acme {

// POST of a JSON object: 200: so be it. 409: the challenge is of another kind than is answered. 403: whoever asks is nobody that
// the worker has started.
inline constexpr const char* challenge_path = "/v1/challenge";

struct ChallengeStep {
    enum class Method : std::uint8_t { begin, done, failed };
    Method method = Method::begin;
    std::string type;           // "http-01"
    std::string name;           // of the server
    std::string token;          // of the authority
    std::string authorization;  // the key authorization; of tls-alpn-01: its SHA-256 in base64url
};

// Of the hook's five arguments. An error says which is wrong.
base::Result<ChallengeStep> read_step(std::string_view method, std::string_view type, std::string_view name,
                                      std::string_view token, std::string_view authorization);
std::string to_text(const ChallengeStep& step);
base::Result<ChallengeStep> step_in(const std::string& text);

// The 32 bytes that a challenge of tls-alpn-01 has; an error when it is none.
base::Result<std::string> digest_of(const ChallengeStep& step);

}  // namespace meshd::acme
