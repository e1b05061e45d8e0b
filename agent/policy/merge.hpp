// SPDX-License-Identifier: Apache-2.0
// The rules of a registry of which not everything could be read.
#pragma once

#include <string>
#include <vector>

#include "model/policy.hpp"

namespace meshd::policy {

// `told` is what the registry says now, `known` what was in force. Of the sources in `unread`, and of all below them, nobody
// knows what they say: their rules stay. None is named: any rule may still be there, and all stay.
std::vector<model::Rule> merge(std::vector<model::Rule> told, const std::vector<model::Rule>& known,
                               const std::vector<std::string>& unread);

}  // namespace meshd::policy
