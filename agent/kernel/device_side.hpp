// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace meshd::kernel {

// Of a device, as its host sees it.
enum class Side : std::uint8_t { ingress, egress };

}  // namespace meshd::kernel
