// SPDX-License-Identifier: Apache-2.0
// The seam to the kernel's maps. The agent has one that makes system calls, tests have one in memory that fails on demand.
#pragma once

#include <span>
#include <vector>

#include "base/error.hpp"
#include "reconcile/operation.hpp"

namespace meshd::reconcile {

class Maps {
public:
    Maps() = default;
    Maps(const Maps&) = delete;
    Maps& operator=(const Maps&) = delete;
    virtual ~Maps() = default;

    // Everything the maps hold now.
    virtual base::Result<RealizedState> read() = 0;

    // Runs operations of one kind, for different services or endpoints, as few system calls as the kernel allows. Answers with
    // one entry for each operation, in order: nothing, or why it failed. An operation is done wholly or not at all.
    virtual std::vector<std::optional<base::Error>> run(std::span<const Operation> operations) = 0;
};

}  // namespace meshd::reconcile
