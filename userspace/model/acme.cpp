// SPDX-License-Identifier: Apache-2.0
#include "model/acme.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "model/tls.hpp"

namespace meshd::model {

namespace {

constexpr std::array<std::string_view, 2> challenge_names{"tls-alpn-01", "http-01"};

constexpr std::size_t most_of_name = 200;  // a file's name has at most 255 bytes

bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }
bool is_letter_or_digit(char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || is_digit(letter);
}

std::string file_name(std::vector<std::string> names, const std::string& directory) {
    std::sort(names.begin(), names.end());
    auto whole = directory;
    for (const auto& name : names) whole += '\n' + name;
    std::array<char, 16> number{};
    (void)std::snprintf(number.data(), number.size(), "-%08x.pem", identity_number(whole));
    return names.front().substr(0, most_of_name) + number.data();
}

}  // namespace

std::string_view name(AcmeChallenge challenge) { return challenge_names.at(static_cast<std::size_t>(challenge)); }

std::optional<AcmeChallenge> parse_acme_challenge(std::string_view text) {
    const auto* const found = std::find(challenge_names.begin(), challenge_names.end(), text);
    if (found == challenge_names.end()) return std::nullopt;
    return static_cast<AcmeChallenge>(found - challenge_names.begin());
}

bool is_acme_name(std::string_view text) {
    const auto dot = text.rfind('.');
    if (!is_server_name_pattern(text) || dot == std::string_view::npos) return false;
    const auto last = text.substr(dot + 1);
    return text.find_first_of("*_") == std::string_view::npos && !std::all_of(last.begin(), last.end(), is_digit);
}

bool is_acme_email(std::string_view text) {
    constexpr std::string_view others = ".+-_@";
    const auto at = text.find('@');
    return text.size() <= 254 && at != std::string_view::npos && at + 1 < text.size() && at == text.rfind('@') &&
           is_letter_or_digit(text.front()) && std::all_of(text.begin(), text.end(), [&](char letter) {
               return is_letter_or_digit(letter) || others.find(letter) != std::string_view::npos;
           });
}

bool is_acme_directory(std::string_view text) {
    constexpr std::string_view scheme = "https://";
    return text.starts_with(scheme) && text.size() > scheme.size() && text.size() <= max_acme_text &&
           std::all_of(text.begin(), text.end(),
                       [](unsigned char letter) { return letter > ' ' && letter < 0x7f && letter != '"'; });
}

void place_acme(EdgeListeners& listeners, AcmeSettings& acme, const std::string& directory) {
    if (acme.storage.empty()) acme.storage = directory;
    for (auto& listener : listeners)
        for (auto& one : listener.certificates)
            if (!one.acme.empty())
                one.files.certificate = one.files.key = acme.storage + "/" + file_name(one.acme, acme.directory);
}

}  // namespace meshd::model
