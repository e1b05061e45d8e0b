// SPDX-License-Identifier: Apache-2.0
// One step from what the maps hold to what they should hold: what `meshctl config diff` prints is what the agent applies.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "reconcile/maglev.hpp"
#include "reconcile/realized_state.hpp"

namespace meshd::reconcile {

// In the order in which a plan runs them: publish last, delete after. Each prefix of a plan leaves the maps fit to be read.
enum class OperationKind : std::uint8_t {
    set_backend,       // make or change a backend
    warm_backend,      // from now on it is new: see slow start
    name_service,      // give an id its name
    set_maglev,        // put a Maglev table in place, in one update
    set_balancing,     // what programs look at besides the table
    replace_table,     // put a whole table in place, in one update
    publish_frontend,  // lead an address to a service: from here on it is live
    remove_frontend,   // the address is no service any more
    remove_table,
    remove_maglev,
    remove_balancing,
    unname_service,
    remove_backend,
};

inline constexpr std::size_t operation_kinds = static_cast<std::size_t>(OperationKind::remove_backend) + 1;

struct Operation {
    OperationKind kind{};
    std::uint32_t service_id = 0;
    std::string service;           // PortKey::text() for people; empty when the id has no name
    std::uint32_t backend_id = 0;  // set_backend, warm_backend, remove_backend
    md_backend backend{};          // set_backend
    PortKey name;                  // name_service
    md_balancing balancing{};      // set_balancing
    MaglevInput maglev;            // set_maglev: what the table is made from
    std::vector<md_slot> table;    // replace_table
    md_endpoint frontend{};        // publish_frontend, remove_frontend
};

using Plan = std::vector<Operation>;

std::string_view name(OperationKind kind);  // "set_backend"

// "lead 10.96.0.10:80/tcp to web:80/tcp"
std::string text(const Operation& operation);

// What the operation does to the maps, done to a picture of them.
void simulate(RealizedState& state, const Operation& operation);

}  // namespace meshd::reconcile
