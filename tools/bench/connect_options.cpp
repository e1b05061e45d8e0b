// SPDX-License-Identifier: Apache-2.0
#include "connect_options.hpp"

#include <stdexcept>
#include <string_view>

#include "arguments.hpp"
#include "sockets.hpp"

namespace meshd::bench {

namespace {

bool set(Side& side, std::string_view key, std::string_view value) {
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
        return false;
    return true;
}

Side parse_side(std::string_view text) {
    Side side;
    parse_parts(text, [&](std::string_view key, std::string_view value) { return set(side, key, value); });
    if (side.name.empty() || side.target.port == 0) throw std::invalid_argument("a side needs name= and to=");
    return side;
}

bool set(Options& options, std::string_view option, std::string_view value) {
    if (option == "--pairs")
        options.pairs = parse_number(option, value, 1);
    else if (option == "--count")
        options.count = parse_number(option, value, 1);
    else if (option == "--cpu")
        options.cpu = parse_number(option, value, 0);
    else
        return false;
    return true;
}

}  // namespace

Options parse_options(int argc, char** argv) {
    Options options;
    parse_arguments(
        {argv + 1, static_cast<std::size_t>(argc - 1)},
        [&](std::string_view option, std::string_view value) { return set(options, option, value); },
        [&](std::string_view operand) { options.sides.push_back(parse_side(operand)); });
    if (options.sides.empty()) throw std::invalid_argument("nothing to measure: give at least one side");
    return options;
}

}  // namespace meshd::bench
