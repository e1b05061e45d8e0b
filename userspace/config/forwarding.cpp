// SPDX-License-Identifier: Apache-2.0
#include "config/forwarding.hpp"

#include <algorithm>
#include <charconv>

#include <fnmatch.h>
#include <net/if.h>

namespace meshd::config {

namespace {

template <typename Value, std::size_t count>
std::optional<Value> parse(const std::array<std::string_view, count>& names, std::string_view text) {
    const auto* const found = std::find(names.begin(), names.end(), text);
    if (found == names.end()) return std::nullopt;
    return static_cast<Value>(found - names.begin());
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || stop != text.data() + text.size() || text.front() == '0') return std::nullopt;
    return port;
}

}  // namespace

std::string_view name(Masquerade masquerade) { return masquerades.at(static_cast<std::size_t>(masquerade)); }

std::optional<Masquerade> parse_masquerade(std::string_view text) { return parse<Masquerade>(masquerades, text); }

std::string_view name(NoBackend no_backend) { return no_backends.at(static_cast<std::size_t>(no_backend)); }

std::optional<NoBackend> parse_no_backend(std::string_view text) { return parse<NoBackend>(no_backends, text); }

std::optional<PortRange> parse_port_range(std::string_view text) {
    const auto dash = text.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    const auto first = parse_port(text.substr(0, dash));
    const auto last = parse_port(text.substr(dash + 1));
    if (!first || !last || *first > *last) return std::nullopt;
    return PortRange{*first, *last};
}

std::string text(const PortRange& range) { return std::to_string(range.first) + "-" + std::to_string(range.last); }

// What the kernel allows in a name of a device (dev_valid_name), and the signs of a pattern.
bool is_device_pattern(std::string_view text) {
    if (text.starts_with('!')) text.remove_prefix(1);
    return !text.empty() && text.size() < IFNAMSIZ && text != "." && text != ".." &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~' && c != '/' && c != ':'; });
}

bool is_chosen(const std::vector<std::string>& patterns, const std::string& device) {
    bool chosen = false;
    for (const auto& pattern : patterns) {
        const bool excludes = pattern.starts_with('!');
        if (::fnmatch(pattern.c_str() + (excludes ? 1 : 0), device.c_str(), 0) != 0) continue;
        if (excludes) return false;
        chosen = true;
    }
    return chosen;
}

}  // namespace meshd::config
