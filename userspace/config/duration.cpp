// SPDX-License-Identifier: Apache-2.0
#include "config/duration.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <utility>

namespace meshd::config {

using namespace std::chrono_literals;

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
    static constexpr std::array<std::pair<std::string_view, std::chrono::milliseconds>, 4> units{
        {{"ms", 1ms}, {"s", 1s}, {"m", 1min}, {"h", 1h}}};
    std::uint32_t count = 0;  // 32 bits of hours in milliseconds do not overflow 64
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc{}) return std::nullopt;
    const auto unit = text.substr(static_cast<std::size_t>(stop - text.data()));
    for (const auto& [suffix, length] : units)
        if (unit == suffix) return count * length;
    return std::nullopt;
}

void read_duration(Document& document, const MappingReader& object, std::string_view key, std::chrono::milliseconds& result,
                   const DurationRange& range) {
    const auto value = object.find(key);
    if (!value.exists()) return;
    const auto duration = parse_duration(value.kind() == Kind::scalar ? value.text() : std::string_view{});
    if (duration && *duration >= range.least && *duration <= range.most)
        result = *duration;
    else
        refuse_value(document, value, '"' + std::string(key) + '"', range.expected);
}

}  // namespace meshd::config
