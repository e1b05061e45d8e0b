// SPDX-License-Identifier: Apache-2.0
// Whether and how packets for a service that pass this node's devices are forwarded.
#pragma once

#include <string>
#include <utility>

#include "meshd/abi.h"
#include "model/service.hpp"

namespace meshd::reconcile {

// What the node's configuration says of tables.
struct ForwardPolicy {
    bool enabled = false;                           // there are devices whose packets are looked at
    model::Forward fallback = model::Forward::nat;  // of services that say nothing; never automatic

    std::string locality;  // of this node: "region/zone/node"; empty: not known

    ForwardPolicy() = default;
    ForwardPolicy(bool is_enabled, model::Forward by_default, std::string of_node = {})
        : enabled(is_enabled), fallback(by_default), locality(std::move(of_node)) {}
    bool operator==(const ForwardPolicy&) const = default;
};

// Direct server return leaves packets as they are: each backend must listen at the service's own address and port.
bool allows_direct_return(const model::ServicePort& port);

// A port that falls to direct server return and does not allow it is not forwarded to.
md_forward forward_of(const model::Service& service, const model::ServicePort& port, const ForwardPolicy& policy);

}  // namespace meshd::reconcile
