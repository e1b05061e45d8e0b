// SPDX-License-Identifier: Apache-2.0
// One item of a list of a registry file as a file of its own, in the words of its writer with the comments at it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/tree.hpp"

namespace meshd::store {

// Lines of a text, cut at line feeds.
class SourceLines {
public:
    explicit SourceLines(std::string_view text);

    // Item `index` of the list behind the key `list_key` of the file. Nothing when it is not written in lines of its own, each
    // item behind a dash; what is returned may still mean something else and has to be read and compared.
    [[nodiscard]] std::optional<std::string> item(const config::Tree& tree, std::string_view list_key, std::size_t index) const;

private:
    [[nodiscard]] std::string_view line(std::size_t number) const { return lines_[number - 1]; }  // the first is 1
    [[nodiscard]] std::size_t with_comments_above(std::size_t number, std::size_t least) const;

    std::vector<std::string_view> lines_;
};

}  // namespace meshd::store
