// SPDX-License-Identifier: Apache-2.0
// Addresses as the datapath has them: 16 bytes, IPv4 in its mapped form.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace meshd::base {

struct IpAddress {
    std::array<std::uint8_t, 16> bytes{};  // network byte order; IPv4 as ::ffff:a.b.c.d

    // "10.0.0.1", "fd00::1", "::ffff:10.0.0.1" (the same as 10.0.0.1). No scope ids, no brackets, no ports.
    static std::optional<IpAddress> parse(std::string_view text);

    [[nodiscard]] bool is_v4() const;
    [[nodiscard]] bool is_unspecified() const;
    [[nodiscard]] bool is_multicast() const;
    [[nodiscard]] bool is_link_local() const;
    [[nodiscard]] std::string text() const;

    auto operator<=>(const IpAddress&) const = default;
};

enum class Protocol : std::uint8_t { tcp = 6, udp = 17 };  // IPPROTO_TCP, IPPROTO_UDP

std::string_view name(Protocol protocol);                       // "tcp", "udp"
std::optional<Protocol> parse_protocol(std::string_view text);  // lower case only

// "10.0.0.1:80", "[fd00::1]:80"
struct SocketAddress {
    IpAddress address;
    std::uint16_t port = 0;  // host byte order; 0 is allowed and means "any"

    static std::optional<SocketAddress> parse(std::string_view text);
    [[nodiscard]] std::string text() const;

    auto operator<=>(const SocketAddress&) const = default;
};

}  // namespace meshd::base
