// SPDX-License-Identifier: Apache-2.0
// Command lines of the measuring tools. What is wrong is thrown as std::invalid_argument with a sentence for the user.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace meshd::bench {

int parse_number(std::string_view option, std::string_view text, int least);

// Calls `set` with each KEY and VALUE of "KEY=VALUE,KEY=VALUE". It answers false to a key or a value that is none.
void parse_parts(std::string_view text, const std::function<bool(std::string_view key, std::string_view value)>& set);

// Calls `set` with each --option and its value, to which it answers false when there is no such option, and `add` with what is no
// option.
void parse_arguments(std::span<char* const> arguments, const std::function<bool(std::string_view, std::string_view)>& set,
                     const std::function<void(std::string_view)>& add);

// What main() returns: `run`'s own status, 2 for a wrong command line, with the usage, 1 for any other failure.
int run_tool(std::string_view name, const std::string& usage, const std::function<int()>& run);

}  // namespace meshd::bench
