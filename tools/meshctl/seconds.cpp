// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <cstdint>
#include <map>
#include <string_view>

#include "command.hpp"

namespace meshd::meshctl {

std::string to_seconds(std::string& text) {
    static const std::map<std::string_view, std::int64_t> units{{"s", 1}, {"m", 60}, {"h", 3600}};
    std::int32_t count = 0;  // 32 bits of hours in seconds do not overflow 64
    const auto* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, count);
    const auto unit = units.find(std::string_view(stop, static_cast<std::size_t>(end - stop)));
    const auto seconds = error == std::errc{} && unit != units.end() ? count * unit->second : 0;
    if (seconds < 1) return "'" + text + "' is no time of 1s or more (units: s, m, h)";
    text = std::to_string(seconds);
    return "";
}

}  // namespace meshd::meshctl
