// SPDX-License-Identifier: Apache-2.0
#include "health/health_table.hpp"

namespace meshd::health {

std::set<std::string> HealthTable::take(const std::vector<model::BackendHealth>& report) {
    std::set<std::string> changed;
    for (const auto& one : report) {
        auto& backends = services_[one.service];
        const auto [entry, fresh] = backends.try_emplace({one.port, one.protocol, one.backend});
        if (fresh && size_ == most_) {
            backends.erase(entry);
            continue;
        }
        if (fresh) ++size_;
        // A worker that was started again says the same at another time: the older one is when it began.
        if (fresh || entry->second.healthy != one.healthy) {
            entry->second.since = one.since;
            changed.insert(one.service);
        }
        entry->second.healthy = one.healthy;
        entry->second.reason = one.reason();
    }
    return changed;
}

void HealthTable::keep(const model::Service& service) {
    const auto found = services_.find(service.name);
    if (found == services_.end()) return;
    if (!service.health.probe) return forget_all_of(service.name);
    std::set<Key> named;
    for (const auto& port : service.ports)
        for (const auto& backend : port.backends)
            if (backend.state != model::BackendState::maint) named.insert({port.number, port.protocol, backend.endpoint});
    size_ -= std::erase_if(found->second, [&](const auto& one) { return !named.contains(one.first); });
}

void HealthTable::forget_all_of(const std::string& service) {
    const auto found = services_.find(service);
    if (found == services_.end()) return;
    size_ -= found->second.size();
    services_.erase(found);
}

void HealthTable::keep_only(const std::set<std::string, std::less<>>& services) {
    for (auto one = services_.begin(); one != services_.end();) {
        const auto name = one++->first;
        if (!services.contains(name)) forget_all_of(name);
    }
}

ProbeVerdict HealthTable::verdict(const model::Service& service, const model::ServicePort& port,
                                  const base::SocketAddress& backend) const {
    if (!service.health.probe) return {};
    const auto found = services_.find(service.name);
    if (found != services_.end()) {
        const auto entry = found->second.find({port.number, port.protocol, backend});
        if (entry != found->second.end()) return entry->second;
    }
    return {service.health.probe->initially_healthy, {}, {}};
}

}  // namespace meshd::health
