// SPDX-License-Identifier: Apache-2.0
#include "relay/routes.hpp"

#include <algorithm>

namespace meshd::relay {

Routes::Routes(std::vector<Route> routes, std::map<base::SocketAddress, std::string> frontends)
    : frontends_(std::move(frontends)) {
    for (auto& route : routes) {
        const auto backend = route.backend;
        by_backend_[backend].push_back(std::move(route));
    }
}

const Route* Routes::outbound(const base::SocketAddress& frontend, const base::SocketAddress& backend) const {
    const auto found = by_backend_.find(backend);
    if (found == by_backend_.end()) return nullptr;
    const auto& routes = found->second;
    const auto service = service_at(frontend);
    const auto own = std::find_if(routes.begin(), routes.end(), [&](const Route& route) { return route.service == service; });
    if (own != routes.end()) return &*own;
    // Who is known to speak for itself is not spoken to for another.
    const auto any = std::find_if(routes.begin(), routes.end(), [](const Route& route) { return !route.is_outside; });
    return any != routes.end() ? &*any : nullptr;
}

std::string_view Routes::service_at(const base::SocketAddress& frontend) const {
    const auto found = frontends_.find(frontend);
    return found == frontends_.end() ? std::string_view{} : found->second;
}

const Route* Routes::inbound(const base::SocketAddress& backend, const base::IpAddress& accepted_at,
                             std::string_view asked) const {
    const auto found = by_backend_.find(backend);
    if (found == by_backend_.end()) return nullptr;
    const Route* any = nullptr;
    for (const auto& route : found->second) {
        if (route.host != accepted_at || route.is_outside) continue;
        if (route.service == asked) return &route;
        if (any == nullptr) any = &route;
    }
    return any;
}

}  // namespace meshd::relay
