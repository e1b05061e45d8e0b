// SPDX-License-Identifier: Apache-2.0
// Bodies of requests to etcd's JSON gateway. Keys and values are base64 there, and 64-bit numbers are strings.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace meshd::registry::etcd {

// The first key behind all that begin with the prefix, as etcd wants it: "\0" when there is none.
std::string end_of(std::string_view prefix);

// At most `limit` keys of the prefix from `first` on, as they were at the revision; 0: now.
std::string range_request(std::string_view prefix, std::string_view first, std::int64_t revision, int limit);
std::string count_request(std::string_view prefix);
std::string watch_request(std::string_view prefix, std::int64_t first_revision);
std::string authenticate_request(std::string_view user, std::string_view password);

}  // namespace meshd::registry::etcd
