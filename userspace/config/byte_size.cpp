// SPDX-License-Identifier: Apache-2.0
#include "config/byte_size.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string>

namespace meshd::config {

namespace {

// What is wrong with the unit, when that is what is wrong.
std::string unit_remedy(std::string_view size) {
    const auto unit = size.substr(std::min(size.find_first_not_of("0123456789"), size.size()));
    if (unit.empty()) return size.empty() ? "" : "write a unit behind the number";
    const bool is_known = std::find(byte_units.begin(), byte_units.end(), unit) != byte_units.end();
    return is_known ? "" : suggest(unit, byte_units);
}

}  // namespace

std::optional<std::uint64_t> parse_byte_size(std::string_view text) {
    std::uint64_t count = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc{} || text.front() == '0') return std::nullopt;
    const auto* const unit =
        std::find(byte_units.begin(), byte_units.end(), text.substr(static_cast<std::size_t>(stop - text.data())));
    if (unit == byte_units.end()) return std::nullopt;
    const auto shift = 10 * static_cast<unsigned>(unit - byte_units.begin() + 1);
    if (count > std::numeric_limits<std::uint64_t>::max() >> shift) return std::nullopt;
    return count << shift;
}

void read_byte_size(Document& document, const MappingReader& object, std::string_view key, std::uint64_t& result,
                    const ByteSizeRange& range) {
    const auto value = object.find(key);
    if (!value.exists()) return;
    const auto text = value.kind() == Kind::scalar ? value.text() : std::string_view{};
    const auto bytes = parse_byte_size(text);
    if (bytes && *bytes >= range.least && *bytes <= range.most)
        result = *bytes;
    else
        refuse_value(document, value, '"' + std::string(key) + '"', range.expected, unit_remedy(text));
}

}  // namespace meshd::config
