// SPDX-License-Identifier: Apache-2.0
#include "arguments.hpp"

#include <algorithm>
#include <charconv>
#include <iostream>
#include <stdexcept>

namespace meshd::bench {

int parse_number(std::string_view option, std::string_view text, int least) {
    int value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || stop != text.data() + text.size() || value < least)
        throw std::invalid_argument(std::string(option) + " needs a number from " + std::to_string(least) + ", found \"" +
                                    std::string(text) + '"');
    return value;
}

void parse_parts(std::string_view text, const std::function<bool(std::string_view key, std::string_view value)>& set) {
    while (!text.empty()) {
        const auto part = text.substr(0, text.find(','));
        text.remove_prefix(std::min(text.size(), part.size() + 1));
        const auto equals = part.find('=');
        if (equals == std::string_view::npos)
            throw std::invalid_argument("expected KEY=VALUE, found \"" + std::string(part) + '"');
        if (!set(part.substr(0, equals), part.substr(equals + 1)))
            throw std::invalid_argument("cannot use \"" + std::string(part) + '"');
    }
}

void parse_arguments(std::span<char* const> arguments, const std::function<bool(std::string_view, std::string_view)>& set,
                     const std::function<void(std::string_view)>& add) {
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string_view argument = arguments[i];
        if (!argument.starts_with("--")) {
            add(argument);
            continue;
        }
        if (i + 1 == arguments.size()) throw std::invalid_argument(std::string(argument) + " needs a value");
        if (!set(argument, arguments[++i])) throw std::invalid_argument("unknown option " + std::string(argument));
    }
}

int run_tool(std::string_view name, const std::string& usage, const std::function<int()>& run) {
    try {
        return run();
    } catch (const std::invalid_argument& error) {
        std::cerr << name << ": " << error.what() << '\n' << usage;
        return 2;
    } catch (const std::exception& error) {
        std::cerr << name << ": " << error.what() << '\n';
        return 1;
    }
}

}  // namespace meshd::bench
