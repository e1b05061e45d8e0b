// SPDX-License-Identifier: Apache-2.0
// What connections to other workers have in common when one may stand for another.
#pragma once

#include <compare>
#include <cstdint>

#include "base/address.hpp"

namespace meshd::relay {

struct PeerKey {
    base::SocketAddress worker;
    std::uint64_t credentials = 0;  // Credentials::number(): whoever they belong to, never another's

    auto operator<=>(const PeerKey&) const = default;
};

}  // namespace meshd::relay
