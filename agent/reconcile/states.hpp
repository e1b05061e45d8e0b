// SPDX-License-Identifier: Apache-2.0
// What is known of backends besides the registry's word. Whoever knows it (agent/health) tells it here.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "model/service.hpp"

namespace meshd::reconcile {

struct PortStates {
    std::vector<std::uint8_t> of;  // enum md_backend_state, for each backend in the order of the port
    bool panic = false;            // too few are usable: none is left out for its health
};

using StatesOf = std::function<PortStates(const model::Service& service, const model::ServicePort& port)>;

}  // namespace meshd::reconcile
