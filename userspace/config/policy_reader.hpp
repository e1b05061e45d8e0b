// SPDX-License-Identifier: Apache-2.0
// Reads the section "policy" of meshd.yaml, the list "policies" of a registry file and the key "limits" of a service.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "config/mapping_reader.hpp"
#include "config/policy.hpp"
#include "model/policy.hpp"
#include "model/service_settings.hpp"

namespace meshd::config {

inline constexpr std::array<std::string_view, 2> policy_keys{"default", "mode"};

void read_policy(const MappingReader& section, Policy& result);

// Without sources. Check document.ok() before the result is used.
std::vector<model::Rule> read_rules(Document& document, Value list);

void read_limits(Document& document, const MappingReader& service, model::LimitSettings& result);

}  // namespace meshd::config
