// SPDX-License-Identifier: Apache-2.0
#include "reconcile/backend_change.hpp"

namespace meshd::reconcile {

namespace {

const md_backend* find(const RealizedState& state, std::uint32_t service_id, std::uint32_t backend_id) {
    const auto* const service = state.find(service_id);
    if (service == nullptr) return nullptr;
    const auto found = service->backends.find(backend_id);
    return found == service->backends.end() ? nullptr : &found->second;
}

std::optional<std::uint8_t> state_of(const md_backend* backend) {
    return backend == nullptr ? std::nullopt : std::optional(backend->state);
}

}  // namespace

std::vector<BackendChange> backend_changes(const RealizedState& before, const Plan& plan) {
    std::vector<BackendChange> changes;
    for (const auto& operation : plan) {
        const bool sets = operation.kind == OperationKind::set_backend;
        if (!sets && operation.kind != OperationKind::remove_backend) continue;
        const auto* const known = find(before, operation.service_id, operation.backend_id);
        if (!sets && known == nullptr) continue;
        BackendChange change{operation.service,    operation.service_id,
                             operation.backend_id, sets ? operation.backend.endpoint : known->endpoint,
                             state_of(known),      std::nullopt};
        if (sets) change.after = operation.backend.state;
        if (change.before != change.after) changes.push_back(std::move(change));
    }
    return changes;
}

void erase_undone(std::vector<BackendChange>& changes, const RealizedState& after) {
    std::erase_if(changes, [&](const BackendChange& change) {
        return state_of(find(after, change.service_id, change.backend_id)) != change.after;
    });
}

}  // namespace meshd::reconcile
