// SPDX-License-Identifier: Apache-2.0
#include "config/field_path.hpp"

#include <charconv>

namespace meshd::config {

namespace {

bool find(Value value, Mark mark, std::string& path) {
    if (value.mark() == mark) return true;
    const auto length = path.size();
    if (value.kind() == Kind::list) {
        std::size_t index = 0;
        for (const auto item : value) {
            path += '[' + std::to_string(index++) + ']';
            if (find(item, mark, path)) return true;
            path.resize(length);
        }
    }
    if (value.kind() == Kind::mapping) {
        for (auto item = value.begin(); item != value.end(); ++item) {
            const auto key = *item;
            ++item;
            path.append(path.empty() ? "" : ".").append(key.text());
            if (key.mark() == mark || find(*item, mark, path)) return true;
            path.resize(length);
        }
    }
    return false;
}

// ":12" at the beginning of the text, which loses it.
std::optional<std::uint32_t> take_number(std::string_view& text) {
    if (!text.starts_with(':')) return std::nullopt;
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), number);
    if (error != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return number;
}

}  // namespace

std::string field_at(std::string_view text, Mark mark) {
    const auto tree = Tree::parse(text, "text");
    std::string path;
    if (!tree || !find(tree->root(), mark, path)) return {};
    return path;
}

std::string name_fields(std::string message, std::string_view label, std::string_view root, const TextOf& text_of) {
    std::string named;
    std::string_view rest = message;
    for (auto at = rest.find(label); at != std::string_view::npos; at = rest.find(label)) {
        named += rest.substr(0, at + label.size());
        rest.remove_prefix(at + label.size());
        const auto name = rest.substr(0, rest.find(':'));
        const auto* const text = text_of(std::string(name));
        auto behind = rest.substr(name.size());
        const auto line = take_number(behind);
        const auto column = line ? take_number(behind) : std::nullopt;
        if (text == nullptr || !column) continue;
        const auto field = field_at(*text, {*line, *column});
        named.append(name).append(": ").append(root);
        if (!field.empty()) named.append(".").append(field);
        rest = behind;
    }
    return named.append(rest);
}

}  // namespace meshd::config
