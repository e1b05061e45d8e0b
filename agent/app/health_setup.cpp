// SPDX-License-Identifier: Apache-2.0
#include "app/health_setup.hpp"

#include <utility>

namespace meshd::app {

namespace {

channel::Ejected::Backend named(const health::BackendKey& key) {
    return {key.port.service, key.port.port, key.port.protocol, key.endpoint};
}

}  // namespace

void HealthSetup::begin(boost::asio::io_context& io, std::function<void()> replanned,
                        std::function<void(const channel::Ejected&)> watch) {
    watch_ = std::move(watch);
    health_.emplace(
        io, *context_.datapath, *context_.reconciler, context_.settings.state_directory, context_.probes,
        [this, replanned = std::move(replanned)] {
            replanned();
            tell_panic();
        },
        [this](const health::BackendKey& key) { watch_({{named(key)}}); });
    context_.health = &*health_;
    auto loaded = health_->load();
    if (loaded) return;
    const auto remedy = std::exchange(loaded.error().remedy, {});
    context_.degradations.set("backend states", loaded.error().message(), remedy);
}

base::Result<void> HealthSetup::open() { return health_->open(); }

void HealthSetup::before_services_change(const reconcile::Change& change) {
    if (change.full && change.complete) {
        std::set<std::string, std::less<>> named;
        for (const auto& service : change.upsert) named.insert(service->name);
        context_.probes.keep_only(named);
    }
    for (const auto& name : change.remove) context_.probes.forget(name);
    for (const auto& service : change.upsert) context_.probes.keep(*service);
}

void HealthSetup::services_changed(const std::set<std::string>& services) {
    health_->services_changed(services);
    tell_panic();
}

void HealthSetup::services_changed() {
    health_->services_changed();
    tell_panic();
}

void HealthSetup::take(const channel::HealthReport& report) {
    const auto changed = context_.probes.take(report.backends);
    if (!changed.empty()) health_->probes_changed(changed);
    for (const auto& one : report.backends) {
        const health::BackendKey key{{one.service, one.port, one.protocol}, one.backend};
        if (one.healthy && health_->states().ejected().contains(key)) health_->readmit(key);
    }
}

void HealthSetup::worker_ready() {
    channel::Ejected all;
    for (const auto& [key, ejection] : health_->states().ejected()) {
        all.backends.push_back(named(key));
        if (all.backends.size() < channel::most_ejected) continue;
        watch_(all);
        all.backends.clear();
    }
    if (!all.backends.empty()) watch_(all);
}

void HealthSetup::check() { health_->check(); }

void HealthSetup::tell_panic() {
    const auto& panics = health_->states().panics();
    if (panics.empty()) return context_.degradations.clear("health panic");
    const auto& [port, panic] = *panics.begin();
    const auto more = panics.size() - 1;
    context_.degradations.set("health panic",
                              port.text() + ": " + std::to_string(panic.usable) + " of " + std::to_string(panic.counted) +
                                  " backends are usable, fewer than its panic threshold, so that all of them are used" +
                                  (more > 0 ? " (and " + std::to_string(more) + " more ports)" : ""),
                              "see meshctl backend list for why they are not; health.panic: 0% would refuse instead");
}

}  // namespace meshd::app
