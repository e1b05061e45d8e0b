// SPDX-License-Identifier: Apache-2.0
#include "config/host_names.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "base/address.hpp"

namespace meshd::config {

namespace {

bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

}  // namespace

bool is_authority(std::string_view text) {
    const auto end = text.starts_with('[') ? text.find(']') + 1 : std::min(text.find(':'), text.size());
    if (end == 0) return false;
    const auto host = text.substr(0, end);
    if (host.starts_with('[')) {
        const auto address = base::IpAddress::parse(host.substr(1, host.size() - 2));
        if (!address || address->is_v4()) return false;
    } else if (host.empty() || !std::all_of(host.begin(), host.end(), [](char c) { return c == '.' || is_name_character(c); })) {
        return false;
    }
    if (end == text.size()) return true;
    const auto port = text.substr(end);
    std::uint16_t number = 0;
    const auto [stop, error] = std::from_chars(port.data() + 1, port.data() + port.size(), number);
    return port.front() == ':' && error == std::errc{} && stop == port.data() + port.size() && number != 0;
}

bool is_dns_name(std::string_view text) {
    constexpr std::size_t max_name = 253, max_label = 63;
    if (text.empty() || text.size() > max_name) return false;
    for (std::size_t start = 0; start <= text.size();) {
        const auto end = std::min(text.find('.', start), text.size());
        const auto label = text.substr(start, end - start);
        if (label.empty() || label.size() > max_label || !std::all_of(label.begin(), label.end(), is_name_character))
            return false;
        start = end + 1;
    }
    return true;
}

}  // namespace meshd::config
