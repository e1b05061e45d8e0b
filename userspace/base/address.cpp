// SPDX-License-Identifier: Apache-2.0
#include "base/address.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>

namespace meshd::base {

namespace {

constexpr std::array<std::uint8_t, 12> v4_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, port);
    if (error != std::errc{} || stop != end) return std::nullopt;
    return port;
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    // inet_pton wants a terminated string; nothing longer than INET6_ADDRSTRLEN can be an address.
    char terminated[INET6_ADDRSTRLEN + 1] = {};
    if (text.empty() || text.size() > INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) return std::nullopt;
    std::memcpy(terminated, text.data(), text.size());

    IpAddress address;
    if (::inet_pton(AF_INET6, terminated, address.bytes.data()) == 1) return address;
    if (::inet_pton(AF_INET, terminated, address.bytes.data() + v4_prefix.size()) != 1) return std::nullopt;
    std::copy(v4_prefix.begin(), v4_prefix.end(), address.bytes.begin());
    return address;
}

bool IpAddress::is_v4() const { return std::equal(v4_prefix.begin(), v4_prefix.end(), bytes.begin()); }

bool IpAddress::is_unspecified() const {
    const auto* const first = bytes.begin() + (is_v4() ? v4_prefix.size() : 0);
    return std::all_of(first, bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

bool IpAddress::is_multicast() const { return is_v4() ? (bytes[12] & 0xf0) == 0xe0 : bytes[0] == 0xff; }

bool IpAddress::is_link_local() const {
    return is_v4() ? bytes[12] == 169 && bytes[13] == 254 : bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
}

std::string IpAddress::text() const {
    char buffer[INET6_ADDRSTRLEN] = {};
    if (is_v4()) return ::inet_ntop(AF_INET, bytes.data() + v4_prefix.size(), buffer, sizeof buffer);
    return ::inet_ntop(AF_INET6, bytes.data(), buffer, sizeof buffer);
}

std::string_view name(Protocol protocol) { return protocol == Protocol::udp ? "udp" : "tcp"; }

std::optional<Protocol> parse_protocol(std::string_view text) {
    if (text == "tcp") return Protocol::tcp;
    if (text == "udp") return Protocol::udp;
    return std::nullopt;
}

std::optional<SocketAddress> SocketAddress::parse(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    auto host = text.substr(0, colon);
    const auto port = parse_port(text.substr(colon + 1));
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    // Without brackets the last group of an IPv6 address would be taken for a port.
    if (!port || (!bracketed && host.find(':') != std::string_view::npos)) return std::nullopt;
    const auto address = IpAddress::parse(host);
    if (!address) return std::nullopt;
    return SocketAddress{*address, *port};
}

std::string SocketAddress::text() const {
    const auto host = address.text();
    const auto number = std::to_string(port);
    return host.find(':') == std::string::npos ? host + ":" + number : "[" + host + "]:" + number;
}

}  // namespace meshd::base
