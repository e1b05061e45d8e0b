// SPDX-License-Identifier: Apache-2.0
#include "config/system_names.hpp"

#include <algorithm>

namespace meshd::config {

namespace {

constexpr std::size_t max_account_length = 32;

bool is_account_name(std::string_view text) {
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
    const auto is_inner = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.'; };
    return !text.empty() && text.size() <= max_account_length && is_letter(text[0]) &&
           std::all_of(text.begin(), text.end(), is_inner);
}

bool goes_up(std::string_view path) { return path.find("/../") != std::string_view::npos || path.ends_with("/.."); }

}  // namespace

void read_path(Document& document, const MappingReader& object, std::string_view key, std::string& result, PathRule rule) {
    const auto value = object.find(key);
    if (!value.exists()) return;
    const auto label = '"' + std::string(key) + '"';
    auto text = read_text(document, value, label, rule.expected);
    if (!text) return;
    while (text->size() > 1 && text->back() == '/') text->remove_suffix(1);
    if (text->empty() || text->front() != '/' || (!rule.may_go_up && goes_up(*text))) {
        refuse_value(document, value, label, rule.expected);
        return;
    }
    if (text->size() > rule.max_length)
        refuse_value(document, value, label, "a path of at most " + std::to_string(rule.max_length) + " bytes");
    result = *text;
}

void read_account(Document& document, const MappingReader& object, std::string_view key, std::string& result,
                  std::string_view expected) {
    const auto value = object.find(key);
    if (!value.exists()) return;
    const auto label = '"' + std::string(key) + '"';
    const auto text = read_text(document, value, label, expected);
    if (!text) return;
    result = *text;
    if (!is_account_name(result)) refuse_value(document, value, label, expected);
}

void read_listen(Document& document, const MappingReader& object, std::string_view key, base::SocketAddress& result,
                 std::string_view expected) {
    const auto value = object.find(key);
    if (!value.exists()) return;
    const auto label = '"' + std::string(key) + '"';
    const auto text = read_text(document, value, label, expected);
    if (!text) return;
    if (const auto address = base::SocketAddress::parse(*text))
        result = *address;
    else
        refuse_value(document, value, label, expected);
}

}  // namespace meshd::config
