// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "announce/book.hpp"

namespace meshd::announce::test {

inline Wanted web(std::uint16_t port = 8080) {
    Wanted wanted;
    wanted.what.name = "web";
    wanted.what.registry = "consul";
    wanted.what.endpoint = {*base::IpAddress::parse("10.0.0.5"), port};
    wanted.why = "success";
    return wanted;
}

}  // namespace meshd::announce::test
