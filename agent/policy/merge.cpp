// SPDX-License-Identifier: Apache-2.0
#include "policy/merge.hpp"

#include <algorithm>
#include <cstdint>
#include <set>

namespace meshd::policy {

namespace {

// A source in the list stands for all that is below it: "etcd:main" for "etcd:main/meshd/web".
bool is_of(const std::string& source, const std::string& listed) {
    return source.starts_with(listed) && (source.size() == listed.size() || source[listed.size()] == '/');
}

}  // namespace

std::vector<model::Rule> merge(std::vector<model::Rule> told, const std::vector<model::Rule>& known,
                               const std::vector<std::string>& unread) {
    std::set<std::uint64_t> named;
    for (const auto& rule : told) named.insert(model::rule_id(rule));
    for (const auto& rule : known) {
        const bool may_be_there = unread.empty() || std::any_of(unread.begin(), unread.end(),
                                                                [&](const std::string& one) { return is_of(rule.source, one); });
        if (may_be_there && !named.contains(model::rule_id(rule))) told.push_back(rule);
    }
    return told;
}

}  // namespace meshd::policy
