// SPDX-License-Identifier: Apache-2.0
// What the programs count, added up over all CPUs.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "kernel/datapath.hpp"

namespace meshd::kernel {

using Reasons = std::array<std::uint64_t, MD_REASON_COUNT>;  // by md_reason

base::Result<Reasons> read_reasons(const Datapath& datapath);

// By service id and backend id (backend id 0: refused).
class Connects {
public:
    static base::Result<Connects> read(const Datapath& datapath);
    // Of one service alone: a system call for each of its backends, where read() walks through all there are.
    static base::Result<Connects> read(const Datapath& datapath, std::uint32_t service_id,
                                       const std::vector<std::uint32_t>& backend_ids);
    void merge(Connects other) { counts_.merge(other.counts_); }

    // Zero for what was never counted.
    [[nodiscard]] md_connects of(std::uint32_t service_id, std::uint32_t backend_id) const;

private:
    void add(const md_connects_key& key, const std::byte* value);

    std::unordered_map<std::uint64_t, md_connects> counts_;
};

}  // namespace meshd::kernel
