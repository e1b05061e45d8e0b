// SPDX-License-Identifier: Apache-2.0
#include "app/health_setup.hpp"

#include <set>

#include <spdlog/spdlog.h>

namespace meshd::app {

void HealthSetup::begin() { context_.reconciler->set_health(context_.health); }

void HealthSetup::before_services_change(const reconcile::Change& change) {
    if (change.full && change.complete) {
        std::set<std::string, std::less<>> named;
        for (const auto& service : change.upsert) named.insert(service->name);
        context_.health.keep_only(named);
    }
    for (const auto& name : change.remove) context_.health.forget(name);
    for (const auto& service : change.upsert) context_.health.keep(*service);
}

bool HealthSetup::take(const channel::HealthReport& report) {
    const auto changed = context_.health.take(report.backends);
    if (changed.empty()) return false;
    for (const auto& one : report.backends)
        if (changed.contains(one.service))
            spdlog::log(one.healthy ? spdlog::level::info : spdlog::level::warn, "backend {} of {}:{}/{} is {}: {}",
                        one.backend.text(), one.service, one.port, base::name(one.protocol),
                        one.healthy ? "healthy" : "unhealthy", one.reason());
    context_.reconciler->health_changed(changed);
    const auto& services = context_.reconciler->desired().services;
    for (const auto& name : changed) {
        const auto found = services.find(name);
        if (found != services.end() && found->second->health) note_panic(*found->second);
    }
    tell_panic();
    return true;
}

void HealthSetup::services_changed() {
    panics_.clear();
    for (const auto& [name, service] : context_.reconciler->desired().services)
        if (service->health) note_panic(*service);
    tell_panic();
}

void HealthSetup::note_panic(const model::Service& service) {
    panics_.erase(service.name);
    for (const auto& port : service.ports) {
        const auto usable = context_.health.usable(service, port);
        if (!usable.panic) continue;
        panics_[service.name] = reconcile::PortKey{service.name, port.number, port.protocol}.text() + ": " +
                                std::to_string(usable.healthy) + " of " + std::to_string(usable.ready) +
                                " ready backends are healthy, fewer than " + std::to_string(service.health->panic_percent) +
                                " %, so all of them are used";
        return;
    }
}

void HealthSetup::tell_panic() {
    if (panics_.empty()) return context_.degradations.clear("health panic");
    const auto more = panics_.size() - 1;
    context_.degradations.set("health panic",
                              panics_.begin()->second + (more > 0 ? " (and " + std::to_string(more) + " more services)" : ""),
                              "see meshctl backend list for why they are unhealthy; health.panic: 0% would refuse instead");
}

}  // namespace meshd::app
