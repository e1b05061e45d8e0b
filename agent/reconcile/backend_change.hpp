// SPDX-License-Identifier: Apache-2.0
// What a plan means to those who have a connection to a backend. Pure.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "reconcile/operation.hpp"

namespace meshd::reconcile {

// A backend that was made or removed, or whose state changed.
struct BackendChange {
    std::string service;  // PortKey::text(); empty when the id has no name
    std::uint32_t service_id = 0;
    std::uint32_t backend_id = 0;
    md_endpoint endpoint{};
    std::optional<std::uint8_t> before, after;  // enum md_backend_state; nothing: there was, or is, none
};

using OnBackends = std::function<void(const std::vector<BackendChange>&)>;

// What the plan is to change, before it is run.
std::vector<BackendChange> backend_changes(const RealizedState& before, const Plan& plan);

// Takes out what was not done.
void erase_undone(std::vector<BackendChange>& changes, const RealizedState& after);

}  // namespace meshd::reconcile
