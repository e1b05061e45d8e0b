// SPDX-License-Identifier: Apache-2.0
#include "signing/permission.hpp"

#include <algorithm>

#include "model/authorization.hpp"

namespace meshd::signing {

bool may_have(const std::vector<model::SigningRule>& rules, const std::string& node, const std::string& wanted) {
    if (node.empty()) return false;
    if (node == wanted) return true;
    return std::any_of(rules.begin(), rules.end(), [&](const model::SigningRule& rule) {
        return model::matches_identity(rule.node, node) &&
               std::any_of(rule.may_have.begin(), rule.may_have.end(),
                           [&](const std::string& pattern) { return model::matches_identity(pattern, wanted); });
    });
}

}  // namespace meshd::signing
