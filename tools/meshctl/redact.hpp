// SPDX-License-Identifier: Apache-2.0
// Takes secrets out of what is given to others: tokens, passwords, keys, credentials in URLs. What only may be a secret is taken
// out as well; names of files that hold one stay.
#pragma once

#include <string>
#include <string_view>

#include "value.hpp"

namespace meshd::meshctl {

inline constexpr std::string_view removed = "(removed)";

// By the names of members, and in each text as below.
json::value redacted(const json::value& value);

// Private keys (PEM), user and password in URLs, "token=…", "password: …" and the like, "Bearer …", JSON web tokens.
std::string redacted_text(std::string_view text);

}  // namespace meshd::meshctl
