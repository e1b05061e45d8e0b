// SPDX-License-Identifier: Apache-2.0
#include "config/characters.hpp"

#include <cstdint>

namespace meshd::config {

namespace {

constexpr std::size_t max_shown = 60;  // bytes of a value in an error

bool is_continuation(unsigned char byte) { return (byte & 0xc0) == 0x80; }

// Bytes of the well-formed sequence at the start of text (Unicode 15, table 3-7), 0 when there is none.
std::size_t utf8_length(std::string_view text) {
    const auto first = static_cast<unsigned char>(text[0]);
    if (first < 0x80) return 1;
    std::size_t length = 0;
    if (first >= 0xc2 && first <= 0xdf)
        length = 2;
    else if (first >= 0xe0 && first <= 0xef)
        length = 3;
    else if (first >= 0xf0 && first <= 0xf4)
        length = 4;
    if (length == 0 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if (!is_continuation(static_cast<unsigned char>(text[i]))) return 0;

    const auto second = static_cast<unsigned char>(text[1]);
    const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
    const bool surrogate = first == 0xed && second > 0x9f;
    const bool beyond = first == 0xf4 && second > 0x8f;
    return overlong || surrogate || beyond ? 0 : length;
}

// U+0000 to U+001F, U+007F to U+009F: a terminal may act on them.
bool is_control(std::string_view sequence) {
    const auto first = static_cast<unsigned char>(sequence[0]);
    if (sequence.size() == 1) return first < 0x20 || first == 0x7f;
    return first == 0xc2 && static_cast<unsigned char>(sequence[1]) < 0xa0;
}

bool is_layout(char byte) { return byte == '\t' || byte == '\n' || byte == '\r'; }

}  // namespace

std::optional<BadByte> find_bad_byte(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const auto byte = static_cast<unsigned char>(text[at]);
        if (byte >= 0x20 && byte < 0x7f) {
            ++at;
            continue;
        }
        const auto length = utf8_length(text.substr(at));
        if (length == 0) return BadByte{at, "bytes that are not UTF-8", "save the file as UTF-8"};
        if (is_control(text.substr(at, length)) && !is_layout(text[at])) return BadByte{at, "a control character", "remove it"};
        at += length;
    }
    return std::nullopt;
}

std::string quote(std::string_view text) {
    std::string shown = "\"";
    for (std::size_t at = 0; at < text.size();) {
        if (shown.size() > max_shown) {
            shown += "…";
            break;
        }
        const auto length = utf8_length(text.substr(at));
        const auto sequence = text.substr(at, length == 0 ? 1 : length);
        if (length == 0 || is_control(sequence))
            shown += "?";
        else
            shown += sequence;
        at += sequence.size();
    }
    return shown + "\"";
}

}  // namespace meshd::config
