// SPDX-License-Identifier: Apache-2.0
// What the programs count, added up over all CPUs.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>

#include "kernel/datapath.hpp"

namespace meshd::kernel {

using Reasons = std::array<std::uint64_t, MD_REASON_COUNT>;  // by md_reason

base::Result<Reasons> read_reasons(const Datapath& datapath);

// By service id and backend id (backend id 0: refused).
class Connects {
public:
    static base::Result<Connects> read(const Datapath& datapath);

    // Zero for what was never counted.
    [[nodiscard]] md_connects of(std::uint32_t service_id, std::uint32_t backend_id) const;

private:
    std::unordered_map<std::uint64_t, md_connects> counts_;
};

}  // namespace meshd::kernel
