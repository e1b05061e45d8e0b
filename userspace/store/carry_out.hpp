// SPDX-License-Identifier: Apache-2.0
// Making a store hold what was planned, also when others write to it at the same time.
#pragma once

#include <functional>

#include "store/plan.hpp"

namespace meshd::store {

using Planner = std::function<base::Result<Plan>(const std::vector<Item>&)>;

// Plans, writes, and plans anew when somebody else was faster. What somebody else has changed in the meantime is not overwritten:
// an error. Returns what was done.
base::Result<Plan> carry_out(Store& store, const Planner& planner);

}  // namespace meshd::store
