// SPDX-License-Identifier: Apache-2.0
// The page that shows the mesh of this host, as "picture" of meshd.yaml says it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/address.hpp"

namespace meshd::model {

struct PictureSettings {
    base::SocketAddress listen{*base::IpAddress::parse("127.0.0.1"), 9708};  // port 0: any free one
    // What it holds, without white space at the ends, is what a question must bring; empty: none is asked for, and then `listen`
    // is a loopback address.
    std::string token_file{};
    std::vector<std::string> hosts{};  // names that a browser may reach it by, in lower case, besides addresses and localhost

    bool operator==(const PictureSettings&) const = default;
};

inline constexpr std::size_t max_picture_hosts = 64;

// 127.0.0.0/8 and ::1: nobody on another host reaches it.
bool is_loopback(const base::IpAddress& address);

}  // namespace meshd::model
