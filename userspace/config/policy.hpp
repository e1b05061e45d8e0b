// SPDX-License-Identifier: Apache-2.0
// What meshd.yaml says about policy. The rules themselves stand in the files of the registry.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "model/policy.hpp"

namespace meshd::config {

enum class PolicyMode : std::uint8_t {
    enforce,
    audit,  // what would be denied is counted and passes
};

inline constexpr std::array<std::string_view, 2> policy_modes{"enforce", "audit"};

std::string_view name(PolicyMode mode);
std::optional<PolicyMode> parse_policy_mode(std::string_view text);

struct Policy {
    model::Action otherwise = model::Action::allow;  // policy.default: where no rule matches
    PolicyMode mode = PolicyMode::enforce;

    bool operator==(const Policy&) const = default;
};

}  // namespace meshd::config
