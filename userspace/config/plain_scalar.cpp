// SPDX-License-Identifier: Apache-2.0
#include "config/plain_scalar.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace meshd::config {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex_digit(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

template <std::size_t N>
bool is_one_of(std::string_view text, const std::array<std::string_view, N>& words) {
    return std::find(words.begin(), words.end(), text) != words.end();
}

std::string_view skip_digits(std::string_view text) {
    return text.substr(static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin()));
}

std::string_view skip_sign(std::string_view text) {
    return !text.empty() && (text[0] == '-' || text[0] == '+') ? text.substr(1) : text;
}

// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?, which covers decimal integers too
bool is_decimal(std::string_view text) {
    text = skip_sign(text);
    auto rest = skip_digits(text);
    const bool has_whole_part = rest.size() < text.size();
    if (!rest.empty() && rest[0] == '.') {
        const auto fraction = rest.substr(1);
        rest = skip_digits(fraction);
        if (!has_whole_part && rest.size() == fraction.size()) return false;
    } else if (!has_whole_part) {
        return false;
    }
    if (rest.empty()) return true;
    if (rest[0] != 'e' && rest[0] != 'E') return false;
    const auto exponent = skip_sign(rest.substr(1));
    return !exponent.empty() && skip_digits(exponent).empty();
}

bool is_number(std::string_view text) {
    static constexpr std::array<std::string_view, 6> specials{".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"};
    if (is_decimal(text)) return true;
    if (text.size() > 2 && text.substr(0, 2) == "0x") return std::all_of(text.begin() + 2, text.end(), is_hex_digit);
    if (text.size() > 2 && text.substr(0, 2) == "0o")
        return std::all_of(text.begin() + 2, text.end(), [](char c) { return c >= '0' && c <= '7'; });
    return is_one_of(skip_sign(text), specials);
}

// YAML 1.1: 190:20:30 is a number in base 60.
bool is_sexagesimal(std::string_view text) {
    text = skip_sign(text);
    const auto rest = skip_digits(text);
    return rest.size() < text.size() && !rest.empty() && rest[0] == ':' &&
           std::all_of(rest.begin(), rest.end(), [](char c) { return is_digit(c) || c == ':' || c == '.'; });
}

// YAML 1.1: 2001-12-14, with or without a time behind it.
bool is_date(std::string_view text) {
    return text.size() >= 8 && text[4] == '-' && skip_digits(text.substr(0, 4)).empty() && is_digit(text[5]);
}

}  // namespace

PlainType plain_type(std::string_view text) {
    static constexpr std::array<std::string_view, 5> nothing{"", "~", "null", "Null", "NULL"};
    static constexpr std::array<std::string_view, 6> booleans{"true", "True", "TRUE", "false", "False", "FALSE"};
    if (is_one_of(text, nothing)) return PlainType::nothing;
    if (is_one_of(text, booleans)) return PlainType::boolean;
    return is_number(text) ? PlainType::number : PlainType::text;
}

bool needs_quotes(std::string_view text) {
    static constexpr std::array<std::string_view, 8> words{"y", "n", "yes", "no", "on", "off", "=", "<<"};
    if (plain_type(text) != PlainType::text || is_sexagesimal(text) || is_date(text)) return true;
    std::string plain(text);
    std::transform(plain.begin(), plain.end(), plain.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    if (is_one_of(plain, words)) return true;
    plain.erase(std::remove(plain.begin(), plain.end(), '_'), plain.end());
    return plain.size() < text.size() && (plain.empty() || plain_type(plain) != PlainType::text);
}

}  // namespace meshd::config
