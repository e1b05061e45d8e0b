// SPDX-License-Identifier: Apache-2.0
#include "relay/post_handshake.hpp"

#include <algorithm>

namespace meshd::relay {

namespace {

// RFC 8446, 4.
constexpr std::uint8_t new_session_ticket = 4, key_update = 24;
constexpr std::size_t header_size = 4;

std::uint8_t byte(std::string_view bytes, std::size_t at) { return static_cast<std::uint8_t>(bytes[at]); }

}  // namespace

// A header that is itself in parts is something that no library does.
PostHandshake::Heard PostHandshake::feed(std::string_view record) {
    if (record.empty()) return Heard::wrong;
    while (true) {
        const auto skipped = std::min(left_, record.size());
        left_ -= skipped;
        record.remove_prefix(skipped);
        if (record.empty()) return Heard::nothing;
        if (record.size() < header_size) return Heard::wrong;
        const auto type = byte(record, 0);
        const std::size_t size = byte(record, 1) << 16U | byte(record, 2) << 8U | byte(record, 3);
        record.remove_prefix(header_size);
        if (type == key_update) {
            if (size != 1 || record.size() != 1 || byte(record, 0) > 1) return Heard::wrong;
            return byte(record, 0) == 1 ? Heard::update_of_both : Heard::update;
        }
        if (type != new_session_ticket) return Heard::wrong;
        left_ = size;
    }
}

}  // namespace meshd::relay
