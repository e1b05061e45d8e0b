// SPDX-License-Identifier: Apache-2.0
#include "model/edge.hpp"

#include <algorithm>
#include <array>

namespace meshd::model {

namespace {

constexpr std::array<std::string_view, 2> profile_names{"intermediate", "modern"};
constexpr std::array<std::string_view, 3> protocol_names{"none", "v1", "v2"};
constexpr std::size_t longest_name = 253;
constexpr std::size_t longest_label = 63;

template <typename Enum, std::size_t size>
std::optional<Enum> parse(const std::array<std::string_view, size>& names, std::string_view text) {
    const auto* const found = std::find(names.begin(), names.end(), text);
    if (found == names.end()) return std::nullopt;
    return static_cast<Enum>(found - names.begin());
}

bool is_label(std::string_view text) {
    return !text.empty() && text.size() <= longest_label && std::all_of(text.begin(), text.end(), [](char letter) {
        return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') || letter == '-' || letter == '_';
    });
}

}  // namespace

std::string_view name(TlsProfile profile) { return profile_names.at(static_cast<std::size_t>(profile)); }
std::string_view name(ProxyProtocol protocol) { return protocol_names.at(static_cast<std::size_t>(protocol)); }
std::optional<TlsProfile> parse_tls_profile(std::string_view text) { return parse<TlsProfile>(profile_names, text); }
std::optional<ProxyProtocol> parse_proxy_protocol(std::string_view text) { return parse<ProxyProtocol>(protocol_names, text); }

bool are_protocols(const std::vector<std::string>& names) {
    return names.size() <= max_route_protocols && std::all_of(names.begin(), names.end(), [](const std::string& one) {
               return !one.empty() && one.size() <= max_protocol_length;
           });
}

bool is_server_name_pattern(std::string_view text) {
    if (text == "*") return true;
    if (text.size() > longest_name) return false;
    if (text.starts_with("*.")) text.remove_prefix(2);
    for (;;) {
        const auto dot = text.find('.');
        if (!is_label(text.substr(0, dot))) return false;
        if (dot == std::string_view::npos) return true;
        text.remove_prefix(dot + 1);
    }
}

}  // namespace meshd::model
