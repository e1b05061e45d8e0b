// SPDX-License-Identifier: Apache-2.0
#include "reconcile/operation.hpp"

namespace meshd::reconcile {

std::string_view name(OperationKind kind) {
    switch (kind) {
        case OperationKind::set_backend:
            return "set_backend";
        case OperationKind::warm_backend:
            return "warm_backend";
        case OperationKind::name_service:
            return "name_service";
        case OperationKind::set_maglev:
            return "set_maglev";
        case OperationKind::set_balancing:
            return "set_balancing";
        case OperationKind::replace_table:
            return "replace_table";
        case OperationKind::publish_frontend:
            return "publish_frontend";
        case OperationKind::remove_frontend:
            return "remove_frontend";
        case OperationKind::remove_table:
            return "remove_table";
        case OperationKind::remove_maglev:
            return "remove_maglev";
        case OperationKind::remove_balancing:
            return "remove_balancing";
        case OperationKind::unname_service:
            return "unname_service";
        case OperationKind::remove_backend:
            return "remove_backend";
    }
    return "unknown";
}

namespace {

std::string_view state_text(std::uint8_t state) {
    if (state == MD_BACKEND_UNHEALTHY) return "unhealthy";
    return model::name(state == MD_BACKEND_DRAIN   ? model::BackendState::drain
                       : state == MD_BACKEND_MAINT ? model::BackendState::maint
                                                   : model::BackendState::ready);
}

}  // namespace

std::string text(const Operation& operation) {
    const auto service = operation.service.empty() ? "service id " + std::to_string(operation.service_id) : operation.service;
    const auto backend = "backend " + std::to_string(operation.backend_id);
    switch (operation.kind) {
        case OperationKind::set_backend:
            return "set " + backend + " of " + service + " to " + text(operation.backend.endpoint) + ", weight " +
                   std::to_string(operation.backend.weight) + ", " + std::string(state_text(operation.backend.state));
        case OperationKind::warm_backend:
            return "let " + backend + " of " + service + " start slowly";
        case OperationKind::name_service:
            return "name service id " + std::to_string(operation.service_id) + " " + service;
        case OperationKind::set_maglev:
            return "make the Maglev table of " + service + " of " + std::to_string(operation.maglev.candidates.size()) +
                   " backends";
        case OperationKind::set_balancing:
            return "set the balancing of " + service;
        case OperationKind::replace_table: {
            const auto& head = operation.table.front().table;
            return "replace the table of " + service + " by " + std::to_string(head.slots_v4) + " IPv4 and " +
                   std::to_string(head.slots_v6) + " IPv6 slots";
        }
        case OperationKind::publish_frontend:
            return "lead " + text(operation.frontend) + " to " + service;
        case OperationKind::remove_frontend:
            return "remove " + text(operation.frontend) + " of " + service;
        case OperationKind::remove_table:
            return "remove the table of " + service;
        case OperationKind::remove_maglev:
            return "remove the Maglev table of " + service;
        case OperationKind::remove_balancing:
            return "remove the balancing of " + service;
        case OperationKind::unname_service:
            return "remove the name " + service + " from service id " + std::to_string(operation.service_id);
        case OperationKind::remove_backend:
            return "remove " + backend + " of " + service;
    }
    return {};
}

void simulate(RealizedState& state, const Operation& operation) {
    switch (operation.kind) {
        case OperationKind::set_backend:
            state.set_backend(operation.backend_id, operation.backend);
            break;
        case OperationKind::warm_backend:
            break;
        case OperationKind::name_service:
            state.set_name(operation.service_id, operation.name);
            break;
        case OperationKind::set_maglev:
            state.set_maglev(operation.service_id, maglev_fingerprint(operation.maglev));
            break;
        case OperationKind::set_balancing:
            state.set_balancing(operation.service_id, operation.balancing);
            break;
        case OperationKind::replace_table:
            state.set_table(operation.service_id, operation.table);
            break;
        case OperationKind::publish_frontend:
            state.set_frontend(operation.frontend, operation.service_id);
            break;
        case OperationKind::remove_frontend:
            state.remove_frontend(operation.frontend);
            break;
        case OperationKind::remove_table:
            state.remove_table(operation.service_id);
            break;
        case OperationKind::remove_maglev:
            state.remove_maglev(operation.service_id);
            break;
        case OperationKind::remove_balancing:
            state.remove_balancing(operation.service_id);
            break;
        case OperationKind::unname_service:
            state.remove_name(operation.service_id);
            break;
        case OperationKind::remove_backend:
            state.remove_backend(operation.backend_id);
            break;
    }
}

}  // namespace meshd::reconcile
