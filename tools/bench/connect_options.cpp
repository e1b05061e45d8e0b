// SPDX-License-Identifier: Apache-2.0
#include "connect_options.hpp"

#include <charconv>
#include <stdexcept>
#include <string_view>

#include "sockets.hpp"

namespace meshd::bench {

namespace {

int parse_count(std::string_view option, std::string_view text, int least) {
    int value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || stop != text.data() + text.size() || value < least)
        throw std::invalid_argument(std::string(option) + " needs a number from " + std::to_string(least) + ", found \"" +
                                    std::string(text) + '"');
    return value;
}

void set(Side& side, std::string_view key, std::string_view value) {
    if (key == "name")
        side.name = value;
    else if (key == "to")
        side.target = parse_endpoint(value);
    else if (key == "listen")
        side.listen = parse_endpoint(value);
    else if (key == "netns")
        side.netns = value;
    else if (key == "cgroup")
        side.cgroup = value;
    else if (const auto protocol = base::parse_protocol(value); key == "protocol" && protocol)
        side.protocol = *protocol;
    else
        throw std::invalid_argument("unknown part of a side: \"" + std::string(key) + "=" + std::string(value) + '"');
}

Side parse_side(std::string_view text) {
    Side side;
    while (!text.empty()) {
        const auto part = text.substr(0, text.find(','));
        text.remove_prefix(std::min(text.size(), part.size() + 1));
        const auto equals = part.find('=');
        if (equals == std::string_view::npos)
            throw std::invalid_argument("expected KEY=VALUE, found \"" + std::string(part) + '"');
        set(side, part.substr(0, equals), part.substr(equals + 1));
    }
    if (side.name.empty() || side.target.port == 0) throw std::invalid_argument("a side needs name= and to=");
    return side;
}

}  // namespace

Options parse_options(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (!argument.starts_with("--")) {
            options.sides.push_back(parse_side(argument));
            continue;
        }
        if (i + 1 == argc) throw std::invalid_argument(std::string(argument) + " needs a value");
        const std::string_view value = argv[++i];
        if (argument == "--pairs")
            options.pairs = parse_count(argument, value, 1);
        else if (argument == "--count")
            options.count = parse_count(argument, value, 1);
        else if (argument == "--cpu")
            options.cpu = parse_count(argument, value, 0);
        else
            throw std::invalid_argument("unknown option " + std::string(argument));
    }
    if (options.sides.empty()) throw std::invalid_argument("nothing to measure: give at least one side");
    return options;
}

}  // namespace meshd::bench
