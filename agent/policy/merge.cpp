// SPDX-License-Identifier: Apache-2.0
#include "policy/merge.hpp"

#include <algorithm>
#include <cstdint>
#include <set>

namespace meshd::policy {

std::vector<model::Rule> merge(std::vector<model::Rule> told, const std::vector<model::Rule>& known,
                               const std::vector<std::string>& unread) {
    std::set<std::uint64_t> named;
    for (const auto& rule : told) named.insert(model::rule_id(rule));
    for (const auto& rule : known) {
        const bool may_be_there = unread.empty() || std::find(unread.begin(), unread.end(), rule.source) != unread.end();
        if (may_be_there && !named.contains(model::rule_id(rule))) told.push_back(rule);
    }
    return told;
}

}  // namespace meshd::policy
