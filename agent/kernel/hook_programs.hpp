// SPDX-License-Identifier: Apache-2.0
// Programs of others that run at the same hooks as ours: what they do to an address, they do before or after us.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "kernel/datapath.hpp"

namespace meshd::kernel {

struct HookProgram {
    std::uint32_t id = 0;
    std::string name;   // as the kernel knows it, at most 15 characters; "?" when it does not tell
    std::string hook;   // "cgroup/connect4"
    std::string place;  // where it is attached: a cgroup, the served one or one above it; or a device
    std::string how;    // "beside others", "overridable", "exclusively"
};

std::string program_name(std::uint32_t id);  // as HookProgram has it

// Of the served cgroup and those above it.
base::Result<std::vector<HookProgram>> programs_of_others(const Datapath& datapath, const std::string& served_cgroup);

}  // namespace meshd::kernel
