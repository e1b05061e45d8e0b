// SPDX-License-Identifier: Apache-2.0
#include "config/acceleration.hpp"

#include <algorithm>

namespace meshd::config {

namespace {

template <typename Enum, std::size_t N>
std::optional<Enum> find(const std::array<std::string_view, N>& words, std::string_view text) {
    const auto* const found = std::find(words.begin(), words.end(), text);
    if (found == words.end()) return std::nullopt;
    return static_cast<Enum>(found - words.begin());
}

}  // namespace

std::string_view name(AccelerationMode mode) { return acceleration_modes.at(static_cast<std::size_t>(mode)); }
std::string_view name(AccelerationDefault scope) { return acceleration_defaults.at(static_cast<std::size_t>(scope)); }
std::string_view name(Exclusion::Kind kind) { return exclusion_kinds.at(static_cast<std::size_t>(kind)); }

std::optional<AccelerationMode> parse_acceleration_mode(std::string_view text) {
    return find<AccelerationMode>(acceleration_modes, text);
}
std::optional<AccelerationDefault> parse_acceleration_default(std::string_view text) {
    return find<AccelerationDefault>(acceleration_defaults, text);
}

}  // namespace meshd::config
