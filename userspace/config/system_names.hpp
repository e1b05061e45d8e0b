// SPDX-License-Identifier: Apache-2.0
// Settings that name something of the system: a path, an account, where to listen.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "config/mapping_reader.hpp"

namespace meshd::config {

inline constexpr std::size_t max_path_length = 4000;  // PATH_MAX less the names that are put behind it

struct PathRule {
    std::string_view expected = "an absolute path";
    std::size_t max_length = max_path_length;
    bool may_go_up = true;  // whether ".." may stand between the slashes
};

// They leave `result` as it is when the key is absent; what is refused is told as not `expected`.
// A slash at the end of a path is removed.
void read_path(Document& document, const MappingReader& object, std::string_view key, std::string& result, PathRule rule = {});
void read_account(Document& document, const MappingReader& object, std::string_view key, std::string& result,
                  std::string_view expected = "the name of an account");
void read_listen(Document& document, const MappingReader& object, std::string_view key, base::SocketAddress& result,
                 std::string_view expected);

}  // namespace meshd::config
