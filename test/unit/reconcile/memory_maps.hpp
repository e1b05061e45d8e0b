// SPDX-License-Identifier: Apache-2.0
// Maps in memory that hold what was done to them, check after every single step what the kernel's readers rely on, and fail on
// demand.
#pragma once

#include <functional>

#include <gtest/gtest.h>

#include "reconcile/maps.hpp"

namespace meshd::reconcile {

class MemoryMaps : public Maps {
public:
    base::Result<RealizedState> read() override {
        if (fail_reads) return base::fail({"read", "map", EIO, {}, {}});
        return state;
    }

    std::vector<std::optional<base::Error>> run(std::span<const Operation> operations) override {
        std::vector<std::optional<base::Error>> outcome;
        for (const auto& operation : operations) {
            if (fail_when && fail_when(operation)) {
                outcome.emplace_back(base::Error{"write", "map", ENOSPC, {}, {}});
                continue;
            }
            simulate(state, operation);
            ++steps;
            const auto broken = broken_promises(state);
            EXPECT_TRUE(broken.empty()) << text(operation) << ": " << broken.front();
            outcome.emplace_back(std::nullopt);
        }
        return outcome;
    }

    RealizedState state;
    std::size_t steps = 0;
    bool fail_reads = false;
    std::function<bool(const Operation&)> fail_when;
};

}  // namespace meshd::reconcile
