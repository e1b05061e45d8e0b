// SPDX-License-Identifier: Apache-2.0
#include "config/prefix_reader.hpp"

#include <string>
#include <vector>

#include <fmt/format.h>

namespace meshd::config {

namespace {

constexpr std::size_t most_ranges = 256;

void read_ranges(Document& document, const MappingReader& section, std::string_view key, std::vector<base::Prefix>& result) {
    const auto list = section.find(key);
    const auto label = '"' + std::string(key) + '"';
    if (!list.exists() || !expect_list(document, list, label, "ranges of addresses")) return;
    if (list.size() > most_ranges) {
        document.refuse(list.mark(), fmt::format("{} must have at most {} ranges, found {}", label, most_ranges, list.size()));
        return;
    }
    for (const auto item : list)
        if (const auto range = read_prefix(document, item, "a range of " + label)) result.push_back(*range);
}

}  // namespace

std::optional<base::Prefix> read_prefix(Document& document, Value value, std::string_view label) {
    constexpr std::string_view expected = "a range of addresses such as 10.0.0.0/8 or fd00::/8";
    const auto text = read_text(document, value, label, expected);
    if (!text) return std::nullopt;
    auto result = base::Prefix::parse(*text);
    if (result) return result;
    const auto meant = base::Prefix::parse_loosely(*text);
    refuse_value(document, value, label, expected,
                 meant ? fmt::format("bits behind the length must be zero: write {}", meant->text()) : std::string{});
    return std::nullopt;
}

void read_bounds(Document& document, const MappingReader& section, model::Bounds& result) {
    read_ranges(document, section, "addresses", result.addresses);
    read_ranges(document, section, "backends", result.backends);
}

}  // namespace meshd::config
