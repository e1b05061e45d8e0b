// SPDX-License-Identifier: Apache-2.0
// A ClientHello put together byte by byte.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace meshd::relay {

using namespace std::string_literals;

inline std::string number(std::size_t value, int bytes) {
    std::string text;
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) text += static_cast<char>(value >> shift);
    return text;
}
inline std::string behind_length(std::string_view bytes, int size) { return number(bytes.size(), size).append(bytes); }

inline std::string extension(std::size_t kind, std::string_view content) { return number(kind, 2) + behind_length(content, 2); }
inline std::string server_name(std::string_view name) { return extension(0, behind_length("\0"s + behind_length(name, 2), 2)); }
inline std::string protocols(const std::vector<std::string>& names) {
    std::string list;
    for (const auto& name : names) list += behind_length(name, 1);
    return extension(16, behind_length(list, 2));
}

inline std::string hello_message(std::string_view extensions, bool has_extensions = true) {
    auto body = "\x03\x03"s + std::string(32, 'r') + "\0"s + behind_length("\x13\x01", 2) + behind_length("\0"s, 1);
    if (has_extensions) body += behind_length(extensions, 2);
    return "\x01"s + behind_length(body, 3);
}
inline std::string record(std::string_view message) { return "\x16\x03\x01"s + behind_length(message, 2); }

}  // namespace meshd::relay
