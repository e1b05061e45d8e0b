// SPDX-License-Identifier: Apache-2.0
#include "http/message.hpp"

#include <utility>

namespace meshd::http {

namespace {

int hex_digit(char letter) {
    if (letter >= '0' && letter <= '9') return letter - '0';
    if (letter >= 'a' && letter <= 'f') return letter - 'a' + 10;
    if (letter >= 'A' && letter <= 'F') return letter - 'A' + 10;
    return -1;
}

// A decoded NUL is refused: no name holds one, and what follows it would be lost in any system call.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
    std::string decoded;
    decoded.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '+' && plus_is_space) {
            decoded += ' ';
        } else if (text[at] != '%') {
            decoded += text[at];
        } else {
            const int high = at + 2 < text.size() ? hex_digit(text[at + 1]) : -1;
            const int low = at + 2 < text.size() ? hex_digit(text[at + 2]) : -1;
            if (high < 0 || low < 0 || (high == 0 && low == 0)) return std::nullopt;
            decoded += static_cast<char>(high * 16 + low);
            at += 2;
        }
    }
    return decoded;
}

}  // namespace

AsyncHandler answer_at_once(Handler handler) {
    return [handler = std::move(handler)](const Request& request, const Respond& respond) { respond(handler(request)); };
}

std::optional<Target> parse_target(std::string_view text) {
    if (text.empty() || text.front() != '/') return std::nullopt;
    const auto question = text.find('?');
    auto path = percent_decode(text.substr(0, question), false);
    if (!path) return std::nullopt;
    Target target{std::move(*path), {}};
    if (question == std::string_view::npos) return target;

    auto rest = text.substr(question + 1);
    while (!rest.empty()) {
        const auto pair = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
        if (pair.empty()) continue;
        const auto equals = pair.find('=');
        auto key = percent_decode(pair.substr(0, equals), true);
        auto value = percent_decode(equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1), true);
        if (!key || !value) return std::nullopt;
        target.query.insert_or_assign(std::move(*key), std::move(*value));
    }
    return target;
}

std::string percent_encode(std::string_view text) {
    static constexpr char digits[] = "0123456789ABCDEF";
    static constexpr std::string_view unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    std::string encoded;
    encoded.reserve(text.size());
    for (const char letter : text) {
        if (unreserved.find(letter) != std::string_view::npos) {
            encoded += letter;
        } else {
            const auto byte = static_cast<unsigned char>(letter);
            encoded += '%';
            encoded += digits[byte >> 4U];
            encoded += digits[byte & 15U];
        }
    }
    return encoded;
}

}  // namespace meshd::http
