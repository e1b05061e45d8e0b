// SPDX-License-Identifier: Apache-2.0
// Programs at a device by links, as kernels from 6.6 on have them: pinned, so that they outlive the agent and their program can
// be replaced in place. Other people's programs at the same place stay where they are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "kernel/device_side.hpp"

namespace meshd::kernel::tcx {

// Attaches the program and pins the link, or gives it to the link that is pinned. False: this kernel has no such links.
base::Result<bool> attach(int program_fd, std::uint32_t index, Side side, const std::string& pin);

// Takes the program off and removes the pin. Nothing there: fine.
base::Result<void> detach(const std::string& pin);

// The id of the program on a pinned link; 0 when there is none or the device is gone.
std::uint32_t attached_program(const std::string& pin, std::uint32_t index);

}  // namespace meshd::kernel::tcx
