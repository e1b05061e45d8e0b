// SPDX-License-Identifier: Apache-2.0
// What a TLS 1.3 peer may say beside data when the handshake is over and nobody but us is there to read it (RFC 8446, 4.6).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace meshd::relay {

class PostHandshake {
public:
    enum class Heard : std::uint8_t {
        nothing,         // that asks for anything: tickets, or part of one
        update,          // the peer's next record has new keys
        update_of_both,  // and it wants new ones of this side
        wrong,           // what no peer may say now
    };
    // What one record held. A message may be spread over several; a KeyUpdate ends its record.
    Heard feed(std::string_view record);

private:
    std::size_t left_ = 0;  // of a ticket that came in part
};

}  // namespace meshd::relay
