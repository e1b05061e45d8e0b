// SPDX-License-Identifier: Apache-2.0
// Waiting until the agent of this host has taken what was written to a store.
#pragma once

#include <chrono>
#include <vector>

#include "agent.hpp"
#include "failure.hpp"
#include "store/declared.hpp"
#include "store/store.hpp"

namespace meshd::meshctl {

// Looks every `pause`; a refusal that it sees ten times in a row is one.
Result<void> wait_in_force(const Agent& agent, const store::Store& store, const std::vector<store::Declared>& declared,
                           std::chrono::seconds time, std::chrono::milliseconds pause = std::chrono::milliseconds(200));

}  // namespace meshd::meshctl
