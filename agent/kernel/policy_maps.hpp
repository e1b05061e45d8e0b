// SPDX-License-Identifier: Apache-2.0
// The maps of the policy as verbs: one policy replaces the other whole, or not at all.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "kernel/datapath.hpp"
#include "kernel/map.hpp"
#include "meshd/abi.h"
#include "policy/compile.hpp"

namespace meshd::kernel {

class PolicyMaps {
public:
    explicit PolicyMaps(const Datapath& datapath);

    // The generation in force; 0: none.
    [[nodiscard]] base::Result<std::uint32_t> generation() const;

    // Puts a policy in force by one update; programs see the old one or this one, whole. After an error the old one is in force
    // as it was.
    base::Result<void> put(const policy::Compiled& compiled);
    // No policy any more.
    base::Result<void> clear();
    // Whether the maps hold exactly this policy and nothing of any other.
    [[nodiscard]] base::Result<bool> holds(const policy::Compiled& compiled) const;

    // By rule, sums over all CPUs; 0: the default.
    [[nodiscard]] base::Result<std::map<std::uint64_t, md_rule_hits>> hits() const;

private:
    [[nodiscard]] base::Result<base::UniqueFd> trie_in_force() const;  // not valid: none
    [[nodiscard]] base::Result<base::UniqueFd> make_trie(const policy::Compiled& compiled, std::uint32_t generation) const;
    [[nodiscard]] base::Result<void> write(const policy::Compiled& compiled, std::uint32_t generation) const;
    // Removes what belongs to no policy but this one.
    [[nodiscard]] base::Result<void> remove_others(std::uint32_t generation) const;
    [[nodiscard]] base::Result<void> add_counts(const std::vector<std::uint64_t>& rules) const;
    [[nodiscard]] base::Result<void> keep_counts(const std::vector<std::uint64_t>& rules) const;  // and no others

    Map policies_, ids_, verdicts_, hits_;
};

}  // namespace meshd::kernel
