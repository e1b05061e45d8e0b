// SPDX-License-Identifier: Apache-2.0
// What the shell offers next: `meshctl complete -- WORDS…` prints candidates for the last of the words, one a line, or the one
// line
// ":files" when that is a file's name.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace meshd::meshctl {

// `arguments` begin with "complete". Asks the agent for names of services; without one there are none to offer. Returns the exit
// code.
int complete(const CLI::App& app, const std::vector<std::string>& arguments, std::ostream& out);

}  // namespace meshd::meshctl
