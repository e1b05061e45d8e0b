// SPDX-License-Identifier: Apache-2.0
#include "steering/guarded.hpp"

#include <functional>

#include "reconcile/encode.hpp"

namespace meshd::steering {

namespace {

using Visit = std::function<void(const model::Service&, const model::ServicePort&, const model::Backend&)>;

void for_each_backend(const std::set<std::string>& names, const reconcile::Services& desired, const Visit& visit) {
    for (const auto& name : names) {
        const auto found = desired.find(name);
        if (found == desired.end() || found->second->tls.mode != model::TlsMode::mutual) continue;
        for (const auto& port : found->second->ports)
            for (const auto& backend : port.backends) visit(*found->second, port, backend);
    }
}

md_guarded entry(const model::Service& service, const model::ServicePort& port, const md_endpoint& endpoint,
                 const reconcile::RealizedState& realized) {
    md_guarded value{};
    value.permissive = service.tls.accept == model::ClearText::permissive ? 1 : 0;
    value.way = reconcile::encode(service.acceleration);
    const auto id = realized.id_of({service.name, port.number, port.protocol});
    const auto* const known = id ? realized.find(*id) : nullptr;
    if (known == nullptr) return value;  // on its way into the kernel
    value.service_id = *id;
    for (const auto& [backend_id, backend] : known->backends)
        if (reconcile::same_bytes(backend.endpoint, endpoint)) value.backend_id = backend_id;
    return value;
}

}  // namespace

kernel::Guarded guarded_of(const std::set<std::string>& names, const reconcile::Services& desired,
                           const reconcile::RealizedState& realized, const Addresses& own) {
    kernel::Guarded all;
    for_each_backend(names, desired, [&](const auto& service, const auto& port, const auto& backend) {
        if (!is_here(backend, own)) return;
        const auto endpoint = reconcile::encode(backend.endpoint, port.protocol);
        const auto value = entry(service, port, endpoint, realized);
        const auto [known, is_new] = all.emplace(endpoint, value);
        if (!is_new && value.permissive == 0) known->second.permissive = 0;
    });
    for_each_backend(names, desired, [&](const auto&, const auto& port, const auto& backend) {
        if (is_here(backend, own)) return;
        if (const auto known = all.find(reconcile::encode(backend.endpoint, port.protocol)); known != all.end())
            known->second.elsewhere = 1;
    });
    return all;
}

}  // namespace meshd::steering
