// SPDX-License-Identifier: Apache-2.0
#include "config/percent.hpp"

#include <charconv>
#include <string>

namespace meshd::config {

void read_percent(Document& document, const MappingReader& object, std::string_view key, std::uint8_t& result,
                  const PercentRange& range) {
    const auto value = object.find(key);
    if (!value.exists()) return;
    const auto text = value.kind() == Kind::scalar ? value.text() : std::string_view{};
    std::uint8_t percent = 0;
    const auto* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, percent);
    const bool is_percent = error == std::errc{} && std::string_view(stop, static_cast<std::size_t>(end - stop)) == "%";
    if (is_percent && ((percent >= range.least && percent <= range.most) || (range.or_zero && percent == 0)))
        result = percent;
    else
        refuse_value(document, value, '"' + std::string(key) + '"', range.expected,
                     error == std::errc{} && stop == end ? "write % behind the number" : "");
}

}  // namespace meshd::config
