// SPDX-License-Identifier: Apache-2.0
// Programs of others at devices where ours are: what they do to a packet, they do before or after us.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "kernel/device_hooks.hpp"
#include "kernel/hook_programs.hpp"

namespace meshd::kernel {

// By XDP, tcx and filters of a clsact qdisc. `own`: what this agent has there. Its `how` is "before ours", "after ours", or
// "beside ours" where filters and links meet, or none of ours is there.
base::Result<std::vector<HookProgram>> programs_of_others(std::uint32_t index, const std::string& device,
                                                          const DevicePrograms& own);

}  // namespace meshd::kernel
