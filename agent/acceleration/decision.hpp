// SPDX-License-Identifier: Apache-2.0
// From what the self-test saw to what may be done on this kernel. Pure.
#pragma once

#include <string_view>

#include "acceleration/verdict.hpp"

namespace meshd::acceleration {

// What follows when a check fails.
enum class Weight : std::uint8_t {
    essential,  // bytes could be lost, disordered, or pile up: off
    interface,  // some system call behaves differently: only services whose programs are known not to use it
};

// A check that is not known here is essential.
Weight weight(std::string_view check);

// Sets `best`, `reason` and `remedy` by the rest of the verdict.
void decide(Verdict& verdict);

}  // namespace meshd::acceleration
