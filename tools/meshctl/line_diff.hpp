// SPDX-License-Identifier: Apache-2.0
// The difference of two texts in lines, as people are used to see it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace meshd::meshctl {

// Every line of both: "  stays", "- goes", "+ comes".
std::vector<std::string> line_diff(std::string_view before, std::string_view after);

}  // namespace meshd::meshctl
