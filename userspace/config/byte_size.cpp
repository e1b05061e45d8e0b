// SPDX-License-Identifier: Apache-2.0
#include "config/byte_size.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace meshd::config {

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

}  // namespace meshd::config
