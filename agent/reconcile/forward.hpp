// SPDX-License-Identifier: Apache-2.0
// Whether and how packets for a service that pass this node's devices are forwarded.
#pragma once

#include "meshd/abi.h"
#include "model/service.hpp"

namespace meshd::reconcile {

// What the node's configuration says.
struct ForwardPolicy {
    bool enabled = false;                           // there are devices whose packets are looked at
    model::Forward fallback = model::Forward::nat;  // of services that say nothing; never automatic

    ForwardPolicy() = default;
    ForwardPolicy(bool is_enabled, model::Forward by_default) : enabled(is_enabled), fallback(by_default) {}
    bool operator==(const ForwardPolicy&) const = default;
};

// Direct server return leaves packets as they are: each backend must listen at the service's own address and port.
bool allows_direct_return(const model::ServicePort& port);

// A port that falls to direct server return and does not allow it is not forwarded to.
md_forward forward_of(const model::Service& service, const model::ServicePort& port, const ForwardPolicy& policy);

}  // namespace meshd::reconcile
