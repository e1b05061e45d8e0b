// SPDX-License-Identifier: Apache-2.0
// The meaning of a policy, by walking its rules: what `meshctl policy check` explains, and what compiled policies are held to.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/policy.hpp"
#include "policy/question.hpp"

namespace meshd::policy {

// Whether `a` is more specific than `b`. The first difference decides: source (workload, the deeper the more; then CIDR, the
// longer the more; then any), destination (service, then CIDR, then any), port, protocol, deny before allow, and last source and
// name, so that no two rules are equal.
bool is_more_specific(const model::Rule& a, const model::Rule& b);
// Why `winner` comes before `other`, in words: "its source is more specific: workload /a before 10.0.0.0/8".
std::string why_before(const model::Rule& winner, const model::Rule& other);

// The most specific first.
std::vector<model::Rule> in_order(std::vector<model::Rule> rules);

// A source whose address is one of several is matched so that nothing passes by a guess: by a rule that denies when any of them
// is in its range, by one that allows only when all are.
bool matches_source(const model::Rule& rule, const Question& question);
bool matches_destination(const model::Rule& rule, const Question& question);
bool matches_addresses(const model::Rule& rule, const std::vector<base::Prefix>& addresses);

// The rules that match, the most specific first: the first one decides, and none leaves it to the default.
std::vector<const model::Rule*> matching(const std::vector<model::Rule>& ordered, const Question& question);

}  // namespace meshd::policy
