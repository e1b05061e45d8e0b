// SPDX-License-Identifier: Apache-2.0
// Programs at a device by filters of its clsact qdisc, for kernels without tcx. The filters have a priority and a handle of ours;
// others, and a qdisc that was there, are left alone.
#pragma once

#include <cstdint>

#include "base/error.hpp"
#include "kernel/device_side.hpp"

namespace meshd::kernel::clsact {

inline constexpr std::uint32_t priority = 0x6d64;  // "md"
inline constexpr std::uint32_t handle = 1;

// Makes the qdisc when there is none: true when it did.
base::Result<bool> make_qdisc(std::uint32_t index);

// Puts the filter in place, or replaces its program at once.
base::Result<void> attach(int program_fd, std::uint32_t index, Side side);

// Nothing there: fine, and so is a device that is gone.
base::Result<void> detach(std::uint32_t index, Side side);

// Unless there are filters in it. What others put there meanwhile stays, with the qdisc.
base::Result<void> remove_empty_qdisc(std::uint32_t index);

// The id of the program of our filter; 0 when there is none.
std::uint32_t attached_program(std::uint32_t index, Side side);

}  // namespace meshd::kernel::clsact
