// SPDX-License-Identifier: Apache-2.0
// The whole program as a function, so that tests can run it.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace meshd::meshctl {

// `arguments` without the program's name. Returns the exit code.
int run(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err);

}  // namespace meshd::meshctl
