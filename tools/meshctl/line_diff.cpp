// SPDX-License-Identifier: Apache-2.0
#include "line_diff.hpp"

#include <algorithm>

namespace meshd::meshctl {

namespace {

using Lines = std::vector<std::string_view>;

Lines lines_of(std::string_view text) {
    Lines lines;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        lines.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

}  // namespace

// By the longest common subsequence.
std::vector<std::string> line_diff(std::string_view before, std::string_view after) {
    const auto old_lines = lines_of(before);
    const auto new_lines = lines_of(after);
    const auto width = new_lines.size() + 1;
    // Of the rest of both from line i and j on: how many lines they have in common.
    std::vector<std::uint32_t> common((old_lines.size() + 1) * width);
    for (auto i = old_lines.size(); i-- > 0;)
        for (auto j = new_lines.size(); j-- > 0;)
            common[i * width + j] = old_lines[i] == new_lines[j]
                                        ? common[(i + 1) * width + j + 1] + 1
                                        : std::max(common[(i + 1) * width + j], common[i * width + j + 1]);
    std::vector<std::string> diff;
    const auto add = [&](const char* sign, std::string_view line) { diff.push_back(std::string(sign).append(line)); };
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < old_lines.size() || j < new_lines.size()) {
        if (i < old_lines.size() && j < new_lines.size() && old_lines[i] == new_lines[j]) {
            add("  ", old_lines[i]);
            ++i;
            ++j;
        } else if (j == new_lines.size() || (i < old_lines.size() && common[(i + 1) * width + j] >= common[i * width + j + 1])) {
            add("- ", old_lines[i++]);
        } else {
            add("+ ", new_lines[j++]);
        }
    }
    return diff;
}

}  // namespace meshd::meshctl
