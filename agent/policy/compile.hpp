// SPDX-License-Identifier: Apache-2.0
// From rules to what the kernel's maps hold (meshd/policy.h). Pure: cgroups, addresses and services are looked up before.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "meshd/abi.h"
#include "model/policy.hpp"
#include "policy/surroundings.hpp"
#include "reconcile/encode.hpp"

namespace meshd::policy {

struct Source {
    std::vector<model::Rule> rules;
    model::Action otherwise = model::Action::allow;
    bool audit = false;
};

// Generations are zero in all of it: whoever writes it into the maps gives it one.
struct Compiled {
    md_policy head{};                                                   // class is zero
    std::map<md_prefix, std::uint32_t, reconcile::BytesLess> prefixes;  // without the empty ones
    std::map<md_policy_id, std::uint32_t, reconcile::BytesLess> ids;
    std::map<md_verdict_key, md_verdict, reconcile::BytesLess> verdicts;
    // The most specific first; md_verdict.rank is an index. Without those whose source is an identity, of which the kernel knows
    // nothing: workers look at them (model/authorization.hpp).
    std::vector<model::Rule> ordered;

    // Nothing that could stop anything: no policy is needed in the kernel.
    [[nodiscard]] bool is_empty() const { return ordered.empty() && head.default_verdict == MD_VERDICT_ALLOW; }
    [[nodiscard]] bool same_as(const Compiled& other) const;
};

// What a policy may take. Refused with words when there is more.
struct Bounds {
    std::size_t rules = model::max_rules;
    std::size_t verdicts = MD_MAX_VERDICTS;
    std::size_t ids = MD_MAX_POLICY_IDS;
};

base::Result<Compiled> compile(const Source& source, const Surroundings& here, const Bounds& bounds = {});

}  // namespace meshd::policy
