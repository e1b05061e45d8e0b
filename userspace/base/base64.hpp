// SPDX-License-Identifier: Apache-2.0
// Base64 of RFC 4648 with padding, as APIs of JSON carry bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace meshd::base {

std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);  // nothing but its alphabet and the padding that belongs there

}  // namespace meshd::base
