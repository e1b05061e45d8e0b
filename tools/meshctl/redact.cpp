// SPDX-License-Identifier: Apache-2.0
// By hand rather than by std::regex, which recurses for each character and may run out of stack on a long line.
#include "redact.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace meshd::meshctl {

namespace {

constexpr std::array<std::string_view, 11> secret_words{"token",   "password",      "passwd",     "passphrase",
                                                        "secret",  "authorization", "api_key",    "apikey",
                                                        "api-key", "cookie",        "private_key"};
constexpr std::array<std::string_view, 2> schemes{"bearer ", "basic "};
constexpr std::size_t least_credential = 8;  // characters; "basic idea" is none

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

bool has_secret_word(std::string_view name) {
    return std::any_of(secret_words.begin(), secret_words.end(),
                       [&](std::string_view word) { return name.find(word) != std::string_view::npos; });
}

bool is_secret(std::string_view member) {
    const auto name = lower(member);
    if (name.ends_with("_file")) return false;
    // Headers may be for authorization whatever their names are; a probe's body is what only the server should say.
    return has_secret_word(name) || name == "headers" || name == "body";
}

// A path of a key's file is none.
bool is_key_itself(std::string_view member, const json::value& value) {
    return member == "key" && value.is_string() && !value.get_string().starts_with('/');
}

bool is_value_end(char c) {
    return std::isspace(static_cast<unsigned char>(c)) != 0 || std::string_view("\"'&,;<>)}]").find(c) != std::string_view::npos;
}

std::size_t end_of_value(std::string_view text, std::size_t at) {
    while (at < text.size() && !is_value_end(text[at])) ++at;
    return at;
}

void replace(std::string& text, std::size_t begin, std::size_t end) { text.replace(begin, end - begin, removed); }

void remove_private_keys(std::string& text) {
    for (std::size_t begin = 0; (begin = text.find("-----BEGIN ", begin)) != std::string::npos;) {
        const auto title = text.substr(begin, text.find("-----", begin + 11) - begin);
        auto end = text.find("-----END ", begin);
        end = end == std::string::npos ? text.size() : std::min(text.find("-----", end + 9), text.size() - 5) + 5;
        if (title.find("PRIVATE KEY") != std::string::npos) {
            replace(text, begin, end);
            begin += removed.size();
        } else {
            begin = end;
        }
    }
}

void remove_from_urls(std::string& text) {
    for (std::size_t at = 0; (at = text.find("://", at)) != std::string::npos;) {
        at += 3;
        auto end = at;
        while (end < text.size() && !is_value_end(text[end]) && std::string_view("/?#").find(text[end]) == std::string_view::npos)
            ++end;
        const auto user_end = text.rfind('@', end == 0 ? 0 : end - 1);
        if (user_end != std::string::npos && user_end >= at && user_end < end) replace(text, at, user_end);
    }
}

// "token=x", "Password: x", "\"secret\": \"x\"".
void remove_assigned(std::string& text) {
    for (const auto word : secret_words) {
        auto low = lower(text);
        for (std::size_t at = 0; (at = low.find(word, at)) != std::string::npos;) {
            at += word.size();
            auto begin = at;
            while (begin < text.size() && (text[begin] == '"' || text[begin] == '\'' || text[begin] == ' ')) ++begin;
            if (begin == text.size() || (text[begin] != '=' && text[begin] != ':')) continue;
            ++begin;
            while (begin < text.size() && (text[begin] == '"' || text[begin] == '\'' || text[begin] == ' ')) ++begin;
            // "Authorization: Basic x" has a word before what is secret.
            for (const auto scheme : schemes)
                if (std::string_view(low).substr(begin).starts_with(scheme)) begin += scheme.size();
            const auto end = end_of_value(text, begin);
            if (end == begin) continue;
            replace(text, begin, end);
            low = lower(text);
            at = begin + removed.size();
        }
    }
}

void remove_credentials(std::string& text) {
    for (const auto scheme : schemes) {
        auto low = lower(text);
        for (std::size_t at = 0; (at = low.find(scheme, at)) != std::string::npos;) {
            at += scheme.size();
            const auto end = end_of_value(text, at);
            if (end - at < least_credential || std::string_view(text).substr(at).starts_with(removed)) continue;
            replace(text, at, end);
            low = lower(text);
        }
    }
    // A JSON web token: three parts, the first of which is a JSON object in base64.
    for (std::size_t at = 0; (at = text.find("eyJ", at)) != std::string::npos;) {
        const auto end = end_of_value(text, at);
        const auto dots =
            std::count(text.begin() + static_cast<std::ptrdiff_t>(at), text.begin() + static_cast<std::ptrdiff_t>(end), '.');
        if (dots >= 2) replace(text, at, end);
        at += 3;
    }
}

json::value nothing_of(const json::value& value) {
    if (value.is_null() || value.is_bool()) return value;
    if (const auto* const object = value.if_object()) {
        json::object out;
        for (const auto& member : *object) out[member.key()] = nothing_of(member.value());
        return out;
    }
    return json::value(json::string_view(removed));
}

}  // namespace

std::string redacted_text(std::string_view text) {
    std::string out(text);
    remove_private_keys(out);
    remove_from_urls(out);
    remove_assigned(out);
    remove_credentials(out);
    return out;
}

json::value redacted(const json::value& value) {
    if (value.is_string()) return json::string(redacted_text(value.get_string()));
    if (const auto* const array = value.if_array()) {
        json::array out;
        for (const auto& item : *array) out.push_back(redacted(item));
        return out;
    }
    const auto* const object = value.if_object();
    if (object == nullptr) return value;
    json::object out;
    for (const auto& member : *object) {
        const bool hide = is_secret(member.key()) || is_key_itself(member.key(), member.value());
        out[member.key()] = hide ? nothing_of(member.value()) : redacted(member.value());
    }
    return out;
}

}  // namespace meshd::meshctl
