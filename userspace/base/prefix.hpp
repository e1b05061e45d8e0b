// SPDX-License-Identifier: Apache-2.0
// A range of addresses as CIDR writes it.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.hpp"

namespace meshd::base {

struct Prefix {
    IpAddress address;        // bits behind the length are zero
    std::uint8_t length = 0;  // 0 to 128, of the 16 bytes: an IPv4 prefix has at least 96

    // "10.0.0.0/8", "fd00::/8"; an address alone is a range of one. An address with bits behind the length is refused.
    static std::optional<Prefix> parse(std::string_view text);
    static Prefix of(const IpAddress& address) { return {address, 128}; }
    // The same with the bits behind the length cleared, for who wrote them: "10.1.2.3/8" gives 10.0.0.0/8.
    static std::optional<Prefix> parse_loosely(std::string_view text);

    [[nodiscard]] bool is_v4() const { return length >= 96 && address.is_v4(); }
    // Never a range of the other family: ::/0 is all of IPv6, and nothing of IPv4.
    [[nodiscard]] bool contains(const Prefix& other) const;
    [[nodiscard]] bool contains(const IpAddress& one) const { return contains(of(one)); }
    [[nodiscard]] bool overlaps(const Prefix& other) const { return contains(other) || other.contains(*this); }
    [[nodiscard]] std::string text() const;

    auto operator<=>(const Prefix&) const = default;
};

}  // namespace meshd::base
