// SPDX-License-Identifier: Apache-2.0
#include "reconcile/forward.hpp"

#include <algorithm>

namespace meshd::reconcile {

bool allows_direct_return(const model::ServicePort& port) {
    return port.node_port == 0 && std::all_of(port.backends.begin(), port.backends.end(), [&](const model::Backend& backend) {
               return backend.endpoint.port == port.number;
           });
}

md_forward forward_of(const model::Service& service, const model::ServicePort& port, const ForwardPolicy& policy) {
    if (!policy.enabled) return MD_FORWARD_NONE;
    switch (service.forward == model::Forward::automatic ? policy.fallback : service.forward) {
        case model::Forward::nat:
            return MD_FORWARD_NAT;
        case model::Forward::dsr:
            return allows_direct_return(port) ? MD_FORWARD_DSR : MD_FORWARD_NONE;
        case model::Forward::automatic:
        case model::Forward::off:
            break;
    }
    return MD_FORWARD_NONE;
}

}  // namespace meshd::reconcile
