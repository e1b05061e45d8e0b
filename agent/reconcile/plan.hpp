// SPDX-License-Identifier: Apache-2.0
// plan(): the difference between what the registries want and what the maps hold, as ordered operations. Pure: the same input
// gives the same plan, and nothing is touched.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "model/service.hpp"
#include "reconcile/forward.hpp"
#include "reconcile/operation.hpp"
#include "reconcile/states.hpp"

namespace meshd::reconcile {

// Where the search for free ids goes on. Freed ids come into use again as late as possible, so that a socket's or a reader's
// memory of an id is not soon mistaken for another service. Service ids index arrays: 1 to max_services - 1. Backend ids: 1 to
// 2³²-1.
struct IdAllocator {
    std::uint32_t max_services = MD_MAX_SERVICES;
    std::uint32_t last_service = 0;
    std::uint32_t last_backend = 0;

    // Goes on behind what the maps use.
    static IdAllocator after(const RealizedState& realized, std::uint32_t max_services);
};

struct PlanResult {
    Plan operations;
    IdAllocator ids;                                           // to use next time, once these operations were applied
    std::vector<std::pair<std::string, std::string>> refused;  // service, and why it cannot be planned: "no free service id …"
};

// `states`: without it, what the registry says of backends is all that is known.
//
// The whole difference. Services that `desired` does not name are removed only when it is complete, and so is what nothing names.
// `health`: null when nothing is known of any.
PlanResult plan(const RealizedState& realized, const model::DesiredState& desired, IdAllocator ids,
                const ForwardPolicy& forwarding = {}, const StatesOf& states = {});

// The difference for these services of the registry only: cost does not depend on how many others there are. A name that
// `desired` does not hold is a service that was removed.
PlanResult plan(const RealizedState& realized, const model::DesiredState& desired, IdAllocator ids,
                const std::set<std::string>& services, const ForwardPolicy& forwarding = {}, const StatesOf& states = {});

}  // namespace meshd::reconcile
