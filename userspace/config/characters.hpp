// SPDX-License-Identifier: Apache-2.0
// What may stand in a file, and how found text is shown in an error.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace meshd::config {

struct BadByte {
    std::size_t offset = 0;
    std::string_view why;     // "a control character", "bytes that are not UTF-8"
    std::string_view remedy;  // what to do about it
};

// The first place where text is not UTF-8 or has a control character other than tab, line feed and carriage return.
std::optional<BadByte> find_bad_byte(std::string_view text);

// Text in quotes, as one short line that is safe to print on a terminal.
std::string quote(std::string_view text);

}  // namespace meshd::config
