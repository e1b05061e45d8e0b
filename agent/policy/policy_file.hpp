// SPDX-License-Identifier: Apache-2.0
// The last rules on disk: what is in force after a reboot until the registry has answered.
#pragma once

#include <string>
#include <vector>

#include "base/error.hpp"
#include "model/policy.hpp"

namespace meshd::policy {

class PolicyFile {
public:
    explicit PolicyFile(const std::string& directory) : directory_(directory), path_(directory + "/policies.json") {}

    // Written beside and renamed: the old one stays whole until the new one is.
    [[nodiscard]] base::Result<void> save(const std::vector<model::Rule>& rules) const;
    // No file: no rules.
    [[nodiscard]] base::Result<std::vector<model::Rule>> load() const;

private:
    std::string directory_;
    std::string path_;
};

}  // namespace meshd::policy
