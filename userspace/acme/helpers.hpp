// SPDX-License-Identifier: Apache-2.0
// What the worker's program is besides the worker: the hook that uacme calls, and what begins uacme so that it ends with the
// worker, however that one ends.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace meshd::acme {

// The words that begin `words` as a helper of this process. Its hooks speak to `socket`.
std::vector<std::string> as_helper(const std::string& self, const std::string& socket, std::vector<std::string> words);

// The path of this program, also when another one has taken its place since.
std::string own_program();

inline constexpr int cannot_begin = 127;  // how a helper ends that could not begin its program

// The exit code, when these are the words of a helper; nothing: this is the worker.
std::optional<int> run_helper(int argc, char** argv);

}  // namespace meshd::acme
