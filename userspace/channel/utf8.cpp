// SPDX-License-Identifier: Apache-2.0
#include "channel/utf8.hpp"

#include <cstdint>
#include <cstring>

namespace meshd::channel {

namespace {

bool between(unsigned char byte, unsigned char least, unsigned char most) { return byte >= least && byte <= most; }

// Length of the well-formed sequence at the front, 0 when there is none. The ranges are those of RFC 3629, section 4: they leave
// out overlong forms, surrogates and what lies above U+10FFFF.
std::size_t sequence_length(const unsigned char* bytes, std::size_t size) {
    const auto first = bytes[0];
    if (first < 0x80) return 1;
    std::size_t length = 0;
    unsigned char least = 0x80;
    unsigned char most = 0xbf;
    if (between(first, 0xc2, 0xdf)) {
        length = 2;
    } else if (between(first, 0xe0, 0xef)) {
        length = 3;
        if (first == 0xe0) least = 0xa0;
        if (first == 0xed) most = 0x9f;
    } else if (between(first, 0xf0, 0xf4)) {
        length = 4;
        if (first == 0xf0) least = 0x90;
        if (first == 0xf4) most = 0x8f;
    }
    if (length == 0 || length > size || !between(bytes[1], least, most)) return 0;
    for (std::size_t i = 2; i < length; ++i)
        if (!between(bytes[i], 0x80, 0xbf)) return 0;
    return length;
}

}  // namespace

void replace_invalid_utf8(std::string& text, std::size_t from) {
    auto* const bytes = reinterpret_cast<unsigned char*>(text.data());
    std::size_t at = from;
    while (at < text.size()) {
        // Nearly everything is ASCII: eight bytes at once.
        std::uint64_t word = 0;
        while (at + sizeof(word) <= text.size()) {
            std::memcpy(&word, bytes + at, sizeof(word));
            if ((word & 0x8080808080808080U) != 0) break;
            at += sizeof(word);
        }
        if (at == text.size()) return;
        const auto length = sequence_length(bytes + at, text.size() - at);
        if (length == 0) bytes[at] = '?';
        at += length == 0 ? 1 : length;
    }
}

}  // namespace meshd::channel
