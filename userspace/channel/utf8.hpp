// SPDX-License-Identifier: Apache-2.0
// JSON is UTF-8, but names of files and what stands in them may be any bytes.
#pragma once

#include <cstddef>
#include <string>

namespace meshd::channel {

// Writes '?' over each byte from `from` on that is not part of a well-formed UTF-8 sequence (RFC 3629). The size stays.
void replace_invalid_utf8(std::string& text, std::size_t from);

}  // namespace meshd::channel
