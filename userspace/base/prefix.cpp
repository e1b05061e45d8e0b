// SPDX-License-Identifier: Apache-2.0
#include "base/prefix.hpp"

#include <charconv>

namespace meshd::base {

namespace {

constexpr std::uint8_t v4_offset = 96;  // bits before an IPv4 address in its mapped form

IpAddress masked(IpAddress address, std::uint8_t length) {
    for (std::size_t i = 0; i < address.bytes.size(); ++i) {
        const auto first = static_cast<int>(i) * 8;
        const int kept = length <= first ? 0 : length - first >= 8 ? 8 : length - first;
        address.bytes[i] = static_cast<std::uint8_t>(address.bytes[i] & (0xff00U >> static_cast<unsigned>(kept)));
    }
    return address;
}

}  // namespace

std::optional<Prefix> Prefix::parse_loosely(std::string_view text) {
    const auto slash = text.find('/');
    const auto address = IpAddress::parse(text.substr(0, slash));
    if (!address) return std::nullopt;
    if (slash == std::string_view::npos) return of(*address);
    // ::ffff:10.0.0.0/104 and 10.0.0.0/8 are the same range; only the latter is how people write it.
    const bool v4 = text.find(':') == std::string_view::npos;
    const auto digits = text.substr(slash + 1);
    unsigned length = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    const bool plain = !digits.empty() && (digits.size() == 1 || digits.front() != '0');
    if (error != std::errc{} || end != digits.data() + digits.size() || !plain || length > (v4 ? 32U : 128U)) return std::nullopt;
    const auto bits = static_cast<std::uint8_t>(length + (v4 ? v4_offset : 0));
    return Prefix{masked(*address, bits), bits};
}

std::optional<Prefix> Prefix::parse(std::string_view text) {
    auto prefix = parse_loosely(text);
    if (!prefix || prefix->address != IpAddress::parse(text.substr(0, text.find('/')))) return std::nullopt;
    return prefix;
}

bool Prefix::contains(const Prefix& other) const {
    return is_v4() == other.is_v4() && other.length >= length && masked(other.address, length) == address;
}

std::string Prefix::text() const {
    const int shown = is_v4() ? length - v4_offset : length;
    if (length == 128) return address.text();
    return address.text() + "/" + std::to_string(shown);
}

}  // namespace meshd::base
