// SPDX-License-Identifier: Apache-2.0
#include "model/picture.hpp"

namespace meshd::model {

bool is_loopback(const base::IpAddress& address) {
    constexpr std::size_t first_of_v4 = 12;
    static const auto of_v6 = *base::IpAddress::parse("::1");
    return address.is_v4() ? address.bytes.at(first_of_v4) == 127 : address == of_v6;
}

}  // namespace meshd::model
