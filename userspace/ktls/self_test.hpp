// SPDX-License-Identifier: Apache-2.0
// What kernel TLS of the running kernel is good for: tried out over loopback before anything is given to it.
#pragma once

#include <string>

#include "ktls/keys.hpp"

namespace meshd::ktls {

struct Verdict {
    bool transmits = false;
    bool receives = false;
    bool updates = false;  // goes on with new keys in the middle of a connection, both ways
    bool splices = false;  // received data may be spliced
    std::string reason{};  // why not all of it; empty: all

    // All that a connection may need; `without_updates`: but new keys in its middle.
    [[nodiscard]] bool serves(bool without_updates) const { return transmits && receives && (updates || without_updates); }

    bool operator==(const Verdict&) const = default;
};

// Connections of this process to itself, with all ciphers: data of both ways, records that came before the keys, alerts,
// a changed byte that must be noticed, new keys, data by splice(2). Takes milliseconds; never more than some seconds.
Verdict self_test();

// "transmit and receive, with key updates and splice", "no: REASON"
std::string describe(const Verdict& verdict);

}  // namespace meshd::ktls
