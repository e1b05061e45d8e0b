// SPDX-License-Identifier: Apache-2.0
#include "store/excerpt.hpp"

#include <algorithm>

namespace meshd::store {

namespace {

constexpr std::string_view space = " \t\r";

bool is_comment(std::string_view line) {
    const auto first = line.find_first_not_of(space);
    return first != std::string_view::npos && line[first] == '#';
}

bool is_empty(std::string_view line) { return line.find_first_not_of(space) == std::string_view::npos; }

struct Section {
    std::size_t line = 0;            // of its key
    std::size_t end = 0;             // line of the next key; 0: it is the last
    std::vector<std::size_t> items;  // lines they begin in
};

std::optional<Section> section_of(const config::Tree& tree, std::string_view list_key) {
    std::optional<Section> section;
    config::Value key;
    for (const auto value : tree.root()) {
        if (!key.exists()) {
            key = value;
            if (section) {
                section->end = key.mark().line;
                return section;
            }
            continue;
        }
        if (key.text() == list_key) {
            section = Section{key.mark().line, 0, {}};
            for (const auto item : value) section->items.push_back(item.mark().line);
        }
        key = {};
    }
    return section;
}

}  // namespace

SourceLines::SourceLines(std::string_view text) {
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        lines_.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

// The first line of the comment that stands right above the line.
std::size_t SourceLines::with_comments_above(std::size_t number, std::size_t least) const {
    while (number > least && is_comment(line(number - 1))) --number;
    return number;
}

std::optional<std::string> SourceLines::item(const config::Tree& tree, std::string_view list_key, std::size_t index) const {
    const auto section = section_of(tree, list_key);
    if (!section || index >= section->items.size()) return std::nullopt;
    const auto first = section->items[index];
    const auto dash = line(first).find_first_not_of(space);
    if (dash == std::string_view::npos || line(first)[dash] != '-') return std::nullopt;

    const auto least = index == 0 ? section->line + 1 : section->items[index - 1] + 1;
    const auto begin = with_comments_above(first, std::min(least, first));
    auto end = lines_.size() + 1;
    if (index + 1 < section->items.size())
        end = with_comments_above(section->items[index + 1], first + 1);
    else if (section->end != 0)
        end = with_comments_above(section->end, first + 1);
    while (end > first + 1 && is_empty(line(end - 1))) --end;

    std::string text = std::string(list_key) + ":\n";
    for (auto number = begin; number < end; ++number) {
        auto rest = line(number);
        const auto indent = std::min(rest.find_first_not_of(' '), rest.size());
        if (indent < dash && !is_comment(rest) && !is_empty(rest)) return std::nullopt;
        rest.remove_prefix(std::min(indent, dash));
        while (!rest.empty() && space.find(rest.back()) != std::string_view::npos) rest.remove_suffix(1);
        text.append(rest.empty() ? "" : "  ").append(rest).append("\n");
    }
    return text;
}

}  // namespace meshd::store
